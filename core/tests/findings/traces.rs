//! How many of the leaks are found, and how many of the findings are leaks: over generated traces of
//! growth, plateau, sawtooth, step, warm-up and noise. `BACKSTOP_ROUNDS` asks for more of them.

use std::time::Duration;

use backstop_core::monitor::{
    Change, FindingKind, Findings, Limits, Moment, ProcessSample, Sample,
};
use backstop_core::resource::Bytes;

/// A generator of numbers that are the same in each run (SplitMix64).
struct Dice(u64);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Measure {
    Memory,
    Handles,
    Threads,
}

/// How a trace goes. Rises are in units of the growth that is allowed in a window, times in windows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Course {
    /// Grows by `rise` a window.
    Growth { rise: f64 },
    /// Grows by `rise` a window, under a sawtooth of its own.
    GrowthWithSawtooth { rise: f64, height: f64, period: f64 },
    /// Grows by `rise` a window, from a moment on.
    LateGrowth { rise: f64, from: f64 },
    /// Grows by `rise` a window, in steps.
    Stairs { rise: f64, period: f64 },
    /// Stays.
    Plateau,
    /// Rises during the warm-up, then stays.
    WarmUp { rise: f64 },
    /// Fills, ever slower, and is nearly full when the warm-up ends.
    Fills { rise: f64, time: f64 },
    /// Rises and falls back.
    Sawtooth { height: f64, period: f64 },
    /// Moves up and down as the day goes.
    Wave { height: f64, period: f64 },
    /// Steps up once, and stays.
    Step { rise: f64, at: f64 },
    /// A peak.
    Peak { rise: f64, at: f64, length: f64 },
    /// Wavers, with a memory of where it was.
    Wavers { height: f64 },
}

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.share()
    }

    /// Normal, with deviation 1, nearly.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

impl Course {
    const SORTS: u64 = 12;

    fn of(sort: u64, dice: &mut Dice) -> Self {
        match sort % Self::SORTS {
            0 => Self::Growth {
                rise: dice.between(1.3, 3.0),
            },
            1 => Self::Growth {
                rise: dice.between(3.0, 40.0),
            },
            2 => {
                let rise = dice.between(1.3, 10.0);
                let height = rise * dice.between(0.1, 1.5);
                let period = dice.between(0.05, 0.3);
                Self::GrowthWithSawtooth {
                    rise,
                    height,
                    period,
                }
            }
            3 => Self::LateGrowth {
                rise: dice.between(1.5, 8.0),
                from: dice.between(0.5, 1.5),
            },
            4 => match dice.next() % 2 {
                0 => Self::Stairs {
                    rise: dice.between(1.5, 8.0),
                    period: dice.between(0.02, 0.15),
                },
                // Less than what is allowed in a window, for long.
                _ => Self::Growth {
                    rise: dice.between(0.3, 0.9),
                },
            },
            5 => Self::Plateau,
            6 => Self::WarmUp {
                rise: dice.between(2.0, 40.0),
            },
            7 => Self::Fills {
                rise: dice.between(1.0, 10.0),
                time: dice.between(0.01, 0.03),
            },
            8 => Self::Sawtooth {
                height: dice.between(0.5, 10.0),
                period: dice.between(0.02, 0.7),
            },
            9 => Self::Wave {
                height: dice.between(0.5, 5.0),
                period: dice.between(0.05, 1.2),
            },
            10 => Self::Step {
                rise: dice.between(1.0, 20.0),
                at: dice.between(0.2, 3.0),
            },
            _ => match dice.next() % 2 {
                0 => Self::Peak {
                    rise: dice.between(1.0, 20.0),
                    at: dice.between(0.2, 3.0),
                    length: dice.between(0.05, 1.0),
                },
                _ => Self::Wavers {
                    height: dice.between(0.1, 1.0),
                },
            },
        }
    }

    fn leaks(self) -> bool {
        matches!(
            self,
            Self::Growth { .. }
                | Self::GrowthWithSawtooth { .. }
                | Self::LateGrowth { .. }
                | Self::Stairs { .. }
        )
    }

    /// The value at a time, in windows; the warm-up ends at 0.1.
    fn at(self, time: f64) -> f64 {
        let tooth = |period: f64| (time / period).fract();
        match self {
            Self::Growth { rise } => rise * time,
            Self::GrowthWithSawtooth {
                rise,
                height,
                period,
            } => rise * time + height * tooth(period),
            Self::LateGrowth { rise, from } => rise * (time - from).max(0.0),
            Self::Stairs { rise, period } => rise * period * (time / period).floor(),
            Self::Plateau | Self::Wavers { .. } => 0.0,
            Self::WarmUp { rise } => rise * (time / 0.1).min(1.0),
            Self::Fills {
                rise,
                time: constant,
            } => rise * (1.0 - (-time / constant).exp()),
            Self::Sawtooth { height, period } => height * tooth(period),
            Self::Wave { height, period } => {
                height / 2.0 * (1.0 + (time / period * std::f64::consts::TAU).sin())
            }
            Self::Step { rise, at } => {
                if time >= at {
                    rise
                } else {
                    0.0
                }
            }
            Self::Peak { rise, at, length } => {
                if (at..at + length).contains(&time) {
                    rise
                } else {
                    0.0
                }
            }
        }
    }

    /// Every trace wavers a little; some much.
    fn noise(self, dice: &mut Dice) -> f64 {
        match self {
            Self::Wavers { height } => height,
            Self::Growth { rise } if rise < 1.0 => dice.between(0.0, 0.2),
            _ => dice.between(0.0, 0.35),
        }
    }
}

/// A trace: how it goes, how it wavers, and how often one looks.
struct Trace {
    measure: Measure,
    course: Course,
    noise: f64,
    /// The share of the deviation before that stays: 0 is white noise.
    memory: f64,
    interval: Duration,
    dice: Dice,
}

impl Trace {
    fn of(number: u64, dice: &mut Dice) -> Self {
        let measure = [Measure::Memory, Measure::Handles, Measure::Threads][(number % 3) as usize];
        let course = Course::of(number / 3, dice);
        let noise = course.noise(dice);
        let interval = [2, 5, 10, 10, 10, 30, 30, 30][(dice.next() % 8) as usize];
        Self {
            measure,
            course,
            noise,
            memory: dice.between(0.0, 0.7),
            interval: Duration::from_secs(interval),
            dice: Dice(dice.next()),
        }
    }

    /// The samples, over `span`.
    fn samples(&mut self, limits: &Limits, span: Duration) -> Vec<Sample> {
        let start = Moment::now();
        let window = limits.window().as_secs_f64();
        let mut deviation = 0.0;
        let mut samples = Vec::new();
        let mut passed = Duration::ZERO;
        while passed <= span {
            let fresh = (1.0 - self.memory * self.memory).sqrt();
            deviation = self.memory * deviation + fresh * self.noise * self.dice.normal();
            let value = self.course.at(passed.as_secs_f64() / window) + deviation;
            samples.push(self.sample(start.later(passed), value, limits));
            // Real samples are not exactly equidistant.
            passed += self.interval.mul_f64(self.dice.between(0.9, 1.1));
        }
        samples
    }

    fn sample(&self, at: Moment, value: f64, limits: &Limits) -> Sample {
        let mut process = ProcessSample {
            pid: 42,
            resident: Bytes::megabytes(300),
            handles: Some(100),
            handle_limit: Some(1 << 20),
            threads: 20,
            ..ProcessSample::default()
        };
        let count = (value * limits.count_growth() as f64).round();
        match self.measure {
            Measure::Memory => {
                let bytes = 300e6 + value * limits.growth().0 as f64;
                process.resident = Bytes(bytes.max(1e6) as u64);
            }
            Measure::Handles => process.handles = Some((200.0 + count).max(3.0) as u64),
            Measure::Threads => process.threads = (200.0 + count).max(1.0) as u32,
        }
        Sample {
            at,
            disturbances: Vec::new(),
            left_out: Vec::new(),
            process,
            system: None,
            ledger: None,
        }
    }
}

impl Measure {
    fn kind(self) -> FindingKind {
        match self {
            Self::Memory => FindingKind::GrowingMemory,
            Self::Handles => FindingKind::GrowingHandles,
            Self::Threads => FindingKind::GrowingThreads,
        }
    }
}

/// The growth that was found, with when.
fn found(samples: &[Sample], limits: &Limits) -> Vec<(FindingKind, Duration)> {
    let mut findings = Findings::new(limits.clone());
    let mut found = Vec::new();
    for sample in samples {
        for change in findings.observe(sample) {
            let Change::Opened(finding) = change else {
                continue;
            };
            if finding.kind != FindingKind::MemoryNearLimit {
                found.push((finding.kind, sample.at.since(&samples[0].at)));
            }
        }
    }
    found
}

/// When growth that is three times what is allowed must be found: when the window after the warm-up is
/// full.
fn in_time(course: Course, at: Duration, limits: &Limits) -> bool {
    match course {
        Course::Growth { rise } if rise >= 3.0 => at <= limits.warm_up() + limits.window(),
        _ => true,
    }
}

#[test]
fn leaks_are_found_and_what_is_found_leaks() {
    let limits = Limits::default();
    let rounds = std::env::var("BACKSTOP_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let mut dice = Dice(20_261_121);
    let (mut right, mut wrong, mut missed) = (0_u32, 0_u32, 0_u32);
    let traces = 288 * rounds;
    for number in 0..traces {
        let mut trace = Trace::of(number, &mut dice);
        let samples = trace.samples(&limits, limits.window() * 6);
        let found = found(&samples, &limits);
        let is_right = found.iter().any(|(kind, _)| *kind == trace.measure.kind());
        let is_wrong = found
            .iter()
            .any(|(kind, _)| !trace.course.leaks() || *kind != trace.measure.kind());
        right += u32::from(is_right && trace.course.leaks());
        wrong += u32::from(is_wrong);
        missed += u32::from(!is_right && trace.course.leaks());
        if let Some((_, at)) = found.first() {
            assert!(
                in_time(trace.course, *at, &limits),
                "{:?} after {at:?}",
                trace.course
            );
        }
        if is_wrong || is_right != trace.course.leaks() {
            println!(
                "{:?} {:?}, noise {:.2}, memory {:.2}, every {:?}: {found:?}",
                trace.measure, trace.course, trace.noise, trace.memory, trace.interval
            );
        }
    }
    let precision = f64::from(right) / f64::from(right + wrong);
    let recall = f64::from(right) / f64::from(right + missed);
    println!("{traces} traces: precision {precision:.3}, recall {recall:.3}");
    assert!(precision >= 0.95, "{precision}");
    assert!(recall >= 0.95, "{recall}");
}

#[test]
fn days_without_a_leak_have_no_finding() {
    let limits = Limits::default();
    let rounds = std::env::var("BACKSTOP_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let mut dice = Dice(24);
    let (mut days, mut wrong) = (0_u32, 0_u32);
    let day = Duration::from_secs(24 * 3600);
    let traces = (0..).map(|number| Trace::of(number, &mut dice));
    let traces: Vec<Trace> = traces
        .filter(|trace| !trace.course.leaks())
        .take(24 * rounds)
        .collect();
    for mut trace in traces {
        trace.interval = Duration::from_secs(30);
        let samples = trace.samples(&limits, day);
        let found = found(&samples, &limits);
        days += 1;
        if !found.is_empty() {
            wrong += 1;
            println!(
                "{:?} {:?}, noise {:.2}, memory {:.2}: {found:?}",
                trace.measure, trace.course, trace.noise, trace.memory
            );
        }
    }
    println!("{days} days without a leak, {wrong} with a finding");
    assert!(f64::from(wrong) <= f64::from(days) * 0.05, "{wrong}");
}
