//! One process's line in the process table.

use super::stat_line::StatLine;

pub use super::process_state::{ParseStatError, ProcessState};

/// The fields of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessStat {
    /// The PID.
    pub pid: i32,
    /// The parent's PID; 0 when the parent is in another pid namespace or there is none.
    pub ppid: i32,
    /// The process group.
    pub group: i32,
    /// The session.
    pub session: i32,
    /// What it is doing at the moment.
    pub state: ProcessState,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
    /// Processor time used, user and system together, in clock ticks.
    pub processor_ticks: u64,
    /// The program's name, cut by the kernel to 15 bytes; invalid UTF-8 is replaced.
    pub comm: String,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Threads, including the exited leader of a process that still runs.
    pub threads: u32,
    /// Whether it is a kernel thread.
    pub is_kernel_thread: bool,
}

impl ProcessStat {
    /// Reads the line of `/proc/PID/stat`.
    ///
    /// # Errors
    /// A field is missing or is not a number in its range.
    pub fn parse(line: &[u8], page_bytes: u64) -> Result<Self, ParseStatError> {
        let line = StatLine::parse(line)?;
        Ok(Self {
            pid: line.pid,
            ppid: line.ppid,
            group: line.group,
            session: line.session,
            state: line.state,
            start_ticks: line.start_ticks,
            processor_ticks: line.processor_ticks,
            comm: String::from_utf8_lossy(line.comm).into_owned(),
            resident_bytes: line.pages.saturating_mul(page_bytes),
            threads: line.threads,
            is_kernel_thread: line.is_kernel_thread,
        })
    }

    /// Whether the whole process has exited. A leader that exited before its other threads is shown
    /// as a zombie although the process is alive.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        self.state.has_exited(self.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = " S 7 8 9 0 -1 4194304 1 0 0 0 30 12 0 0 20 0 3 0 4711 5000 250 0 0";

    fn named(name: &[u8]) -> Vec<u8> {
        [b"42 (".as_slice(), name, b")", TAIL.as_bytes()].concat()
    }

    #[test]
    fn fields_match_the_manual_page() {
        let stat = ProcessStat::parse(&named(b"worker"), 4096).unwrap();
        assert_eq!(
            (stat.pid, stat.ppid, stat.group, stat.session),
            (42, 7, 8, 9)
        );
        assert_eq!(
            (stat.start_ticks, stat.processor_ticks, stat.threads),
            (4711, 42, 3)
        );
        assert_eq!(stat.resident_bytes, 250 * 4096);
        assert_eq!(
            (stat.state, stat.comm.as_str()),
            (ProcessState::Sleeping, "worker")
        );
        assert!(!stat.is_kernel_thread);
    }

    #[test]
    fn a_hostile_name_moves_no_field() {
        for name in [
            b"".as_slice(),
            b"a b",
            b") Z 1 1 1",
            b"((()))",
            b") S 1 (",
            b"\n) R 0\n",
            b"\xff\xfe)",
        ] {
            let stat = ProcessStat::parse(&named(name), 4096).unwrap();
            assert_eq!((stat.ppid, stat.start_ticks), (7, 4711), "{name:?}");
        }
    }

    #[test]
    fn a_broken_line_names_its_field() {
        for (line, field) in [
            (b"".as_slice(), 2),
            (b"42", 2),
            (b") 42 (", 2),
            (b"x (a) S", 1),
            (b"\xff (a) S", 1),
            (b"42 (a)", 3),
            (b"42 (a) \xff", 4),
            (b"42 (a) S", 4),
            (b"42 (a) S 99999999999", 4),
            (b"42 (a) S 1 1 1 0 0 -5", 9),
        ] {
            assert_eq!(
                ProcessStat::parse(line, 4096),
                Err(ParseStatError { field }),
                "{line:?}"
            );
        }
    }

    #[test]
    fn an_exited_leader_of_a_living_process_has_not_exited() {
        let mut stat = ProcessStat::parse(&named(b"a"), 4096).unwrap();
        stat.state = ProcessState::Zombie;
        assert!(!stat.has_exited());
        stat.threads = 1;
        assert!(stat.has_exited());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_line_or_name_the_field_that_is_none(line: Vec<u8>) {
            match ProcessStat::parse(&line, 4096) {
                Ok(stat) => assert!(line.starts_with(stat.pid.to_string().as_bytes())),
                Err(error) => assert!((1..=52).contains(&error.field), "{error}"),
            }
        }

        /// The kernel lets a program choose its name, and writes it between brackets as it is.
        #[test]
        fn any_name_is_read_back_and_moves_no_field(name in proptest::collection::vec(1_u8.., 0..16)) {
            let stat = ProcessStat::parse(&named(&name), 4096).unwrap();
            assert_eq!(stat.comm, String::from_utf8_lossy(&name));
            assert_eq!((stat.pid, stat.ppid, stat.start_ticks), (42, 7, 4711));
        }

        #[test]
        fn a_line_cut_anywhere_is_an_error(part in 0.0..1.0_f64) {
            let line = named(b"worker");
            // The last field that is read is not the last of the line.
            let read = line.len() - " 0 0".len() - "250".len();
            let cut = (read as f64 * part) as usize;
            assert!(ProcessStat::parse(&line[..cut], 4096).is_err(), "{cut} bytes");
        }
    }
}
