//! The ledger against a plain map: whatever is done to resources, a reader of the file sees exactly
//! those that are open, with all that was said of them.
#![cfg(test)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::ledger::{Entry, LedgerReading, State};
use backstop_core::release::{Clock, Intent, ManualClock, Scope, Tracked, Tracking};
use backstop_core::resource::{
    Blocking, Bytes, Footprint, Kind, Presence, Progress, Recipe, ResourceId, Step, TrackedResource,
};
use proptest::prelude::*;

/// Names of kinds, which some labels share.
const NAMES: [&str; 3] = ["model.one", "model.two", "model.three"];

/// What a resource says of itself.
#[derive(Debug, Clone)]
struct Plain {
    kind: Kind,
    label: Cow<'static, str>,
    recipe: Option<Recipe>,
    footprint: Footprint,
}

impl TrackedResource for Plain {
    fn kind(&self) -> Kind {
        self.kind
    }
    fn label(&self) -> Cow<'static, str> {
        self.label.clone()
    }
    fn recipe(&self) -> Option<Recipe> {
        self.recipe.clone()
    }
    fn footprint(&self) -> Footprint {
        self.footprint
    }
    fn blocking(&self) -> Blocking {
        Blocking::Never
    }
    fn release(&self, _: &Step) -> Result<Progress, Error> {
        Ok(Progress::Done)
    }
    fn verify(&self) -> Presence {
        Presence::Gone
    }
}

/// One thing that is done. Numbers choose among what is open, modulo how many there are.
#[derive(Debug, Clone)]
enum Act {
    Track(Plain, Option<usize>),
    TrackMany(Plain, usize),
    Intend(Plain),
    Fulfil(usize, Plain),
    Abandon(usize),
    SetRecipe(usize, Recipe),
    SetIntentRecipe(usize, Recipe),
    SetFootprint(usize, Footprint),
    Touch(usize),
    Release(usize),
    ReleaseElsewhere(usize),
    Dismiss(usize),
    BeginScope(Cow<'static, str>),
    EndScope(usize),
    Advance(Duration),
}

/// The ledger, and what it should say.
struct Model {
    backstop: Backstop,
    path: PathBuf,
    hand: ManualClock,
    now: u64,
    guards: Vec<Tracked<Plain>>,
    intents: Vec<Intent>,
    scopes: Vec<Scope>,
    expected: BTreeMap<ResourceId, Expected>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    state: State,
    kind: String,
    label: String,
    recipe: Option<Recipe>,
    footprint: Footprint,
    opened: u64,
    touched: u64,
    parent: Option<ResourceId>,
}

impl Expected {
    fn of(entry: &Entry) -> Self {
        assert_eq!(entry.has_recipe, entry.recipe.is_some());
        assert!(entry.site.contains("model_ledger.rs"), "{}", entry.site);
        Self {
            state: entry.state,
            kind: entry.kind.clone(),
            label: entry.label.clone(),
            recipe: entry.recipe.clone(),
            footprint: entry.footprint,
            opened: entry.opened,
            touched: entry.touched,
            parent: entry.parent,
        }
    }
}

impl Model {
    fn new(place: &std::path::Path) -> Self {
        let (clock, hand) = Clock::manual();
        let backstop = Backstop::builder()
            .tracking(Tracking::Directory(place.join("ledgers")))
            .clock(clock)
            .start();
        let path = backstop.ledger().unwrap().path().unwrap().to_owned();
        Self {
            backstop,
            path,
            hand,
            now: 1,
            guards: Vec::new(),
            intents: Vec::new(),
            scopes: Vec::new(),
            expected: BTreeMap::new(),
        }
    }

    fn expect(&mut self, id: Option<ResourceId>, state: State, plain: &Plain) -> &mut Expected {
        let label = &plain.label[..plain.label.floor_char_boundary(4096)];
        let expected = Expected {
            state,
            kind: plain.kind.name().to_owned(),
            label: label.to_owned(),
            recipe: plain.recipe.clone(),
            footprint: plain.footprint,
            opened: self.now,
            touched: self.now,
            parent: None,
        };
        let id = id.expect("there is space");
        assert!(!self.expected.contains_key(&id), "{id} twice");
        self.expected.entry(id).or_insert(expected)
    }

    fn of_guard(&mut self, which: usize) -> Option<(&Tracked<Plain>, &mut Expected)> {
        let which = which.checked_rem(self.guards.len())?;
        let guard = &self.guards[which];
        let expected = self.expected.get_mut(&guard.id()?)?;
        Some((guard, expected))
    }

    fn track(&mut self, plain: &Plain, parent: Option<ResourceId>) {
        let guard = self.backstop.track_child(plain.clone(), parent);
        self.expect(guard.id(), State::Live, plain).parent = parent;
        self.guards.push(guard);
    }

    /// Takes a guard out of the model, with those of its children: they go before it.
    fn forget(&mut self, which: usize, with_children: bool) -> Option<Tracked<Plain>> {
        let which = which.checked_rem(self.guards.len())?;
        let guard = self.guards.swap_remove(which);
        let mut gone = vec![guard.id().unwrap()];
        while let Some(id) = gone.pop() {
            self.expected.remove(&id);
            let children = self
                .expected
                .iter()
                .filter(|(_, one)| one.parent == Some(id));
            gone.extend(children.map(|(child, _)| *child).filter(|_| with_children));
        }
        Some(guard)
    }

    fn apply(&mut self, act: &Act) {
        match act {
            Act::Track(plain, parent) => {
                let parent = parent
                    .and_then(|which| self.of_guard(which))
                    .and_then(|(guard, _)| guard.id());
                self.track(plain, parent);
            }
            Act::TrackMany(plain, count) => (0..*count).for_each(|_| self.track(plain, None)),
            Act::Intend(plain) => {
                let draft = self.backstop.intend(plain.kind, plain.label.clone());
                let intent = match plain.recipe.clone() {
                    Some(recipe) => draft.recipe(recipe).declare(),
                    None => draft.declare(),
                };
                let expected = self.expect(intent.id(), State::Intent, plain);
                expected.footprint = Footprint::default();
                self.intents.push(intent);
            }
            Act::Fulfil(which, plain) => {
                let Some(which) = which.checked_rem(self.intents.len()) else {
                    return;
                };
                let intent = self.intents.swap_remove(which);
                let expected = self.expected.get_mut(&intent.id().unwrap()).unwrap();
                expected.state = State::Live;
                expected.footprint = plain.footprint;
                if let Some(recipe) = &plain.recipe {
                    expected.recipe = Some(recipe.clone());
                }
                self.guards.push(intent.fulfil(plain.clone()));
            }
            Act::Abandon(which) => {
                if let Some(which) = which.checked_rem(self.intents.len()) {
                    let intent = self.intents.swap_remove(which);
                    self.expected.remove(&intent.id().unwrap());
                    intent.abandon();
                }
            }
            Act::SetRecipe(which, recipe) => {
                if let Some((guard, expected)) = self.of_guard(*which) {
                    guard.set_recipe(recipe).unwrap();
                    expected.recipe = Some(recipe.clone());
                }
            }
            Act::SetIntentRecipe(which, recipe) => {
                if let Some(which) = which.checked_rem(self.intents.len()) {
                    let intent = &mut self.intents[which];
                    intent.set_recipe(recipe).unwrap();
                    let id = intent.id().unwrap();
                    self.expected.get_mut(&id).unwrap().recipe = Some(recipe.clone());
                }
            }
            Act::SetFootprint(which, footprint) => {
                if let Some((guard, expected)) = self.of_guard(*which) {
                    guard.set_footprint(*footprint);
                    expected.footprint = *footprint;
                }
            }
            Act::Touch(which) => {
                let now = self.now;
                if let Some((guard, expected)) = self.of_guard(*which) {
                    guard.touch();
                    expected.touched = now;
                }
            }
            Act::Release(which) => drop(self.forget(*which, true).map(Tracked::release)),
            Act::ReleaseElsewhere(which) => {
                let guard = self.forget(*which, true);
                std::thread::scope(|threads| {
                    threads.spawn(move || drop(guard));
                });
            }
            Act::Dismiss(which) => {
                if let Some(guard) = self.forget(*which, false) {
                    guard.dismiss();
                }
            }
            Act::BeginScope(name) => {
                let scope = self.backstop.scope(name.clone());
                let plain = Plain {
                    kind: Scope::KIND,
                    label: name.clone(),
                    recipe: None,
                    footprint: Footprint::default(),
                };
                self.expect(scope.id(), State::Live, &plain);
                self.scopes.push(scope);
            }
            Act::EndScope(which) => {
                if let Some(which) = which.checked_rem(self.scopes.len()) {
                    let scope = self.scopes.swap_remove(which);
                    self.expected.remove(&scope.id().unwrap());
                    drop(scope.finish());
                }
            }
            Act::Advance(span) => {
                self.hand.advance(*span);
                self.now += span.as_nanos() as u64;
            }
        }
        // What was released with its parent has no guard in the model; the real guard notices by itself.
        let open = &self.expected;
        self.guards
            .retain(|guard| open.contains_key(&guard.id().unwrap()));
    }

    fn compare(&self) {
        let reading = LedgerReading::of_path(&self.path).unwrap();
        assert_eq!(reading.damage(), []);
        assert_eq!(reading.untracked(), 0);
        let entries = reading.entries();
        let seen: BTreeMap<_, _> = entries
            .iter()
            .map(|entry| (entry.id, Expected::of(entry)))
            .collect();
        assert_eq!(entries.len(), seen.len(), "one resource twice");
        assert_eq!(seen, self.expected);
        let live: u64 = self
            .backstop
            .statistics()
            .kinds
            .values()
            .map(|kind| kind.live)
            .sum();
        assert_eq!(live as usize, self.guards.len());
    }
}

fn label() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof![
        prop::sample::select(&NAMES[..]).prop_map(Cow::Borrowed),
        Just(Cow::Borrowed("")),
        "[a-zä€]{0,20}".prop_map(Cow::Owned),
        (4090..4100_usize).prop_map(|length| Cow::Owned("ä".repeat(length))),
    ]
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let length = prop_oneof![0..100_usize, 0..Recipe::LIMIT - 2];
    length.prop_map(|length| Recipe::of(&"r".repeat(length)).unwrap())
}

fn footprint() -> impl Strategy<Value = Footprint> {
    (any::<u64>(), any::<u32>()).prop_map(|(bytes, handles)| Footprint {
        bytes: Bytes(bytes),
        handles,
    })
}

fn plain() -> impl Strategy<Value = Plain> {
    let kind = prop::sample::select(&NAMES[..]).prop_map(Kind::new);
    (kind, label(), prop::option::of(recipe()), footprint()).prop_map(
        |(kind, label, recipe, footprint)| Plain {
            kind,
            label,
            recipe,
            footprint,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let which = || any::<usize>();
    prop_oneof![
        8 => (plain(), prop::option::of(which())).prop_map(|(plain, parent)| Act::Track(plain, parent)),
        1 => (plain(), 1..700_usize).prop_map(|(plain, count)| {
            let small = plain.recipe.filter(|recipe| recipe.as_str().len() < 1000);
            Act::TrackMany(Plain { recipe: small, ..plain }, count)
        }),
        3 => plain().prop_map(Act::Intend),
        2 => (which(), plain()).prop_map(|(which, plain)| Act::Fulfil(which, plain)),
        1 => which().prop_map(Act::Abandon),
        4 => (which(), recipe()).prop_map(|(which, recipe)| Act::SetRecipe(which, recipe)),
        2 => (which(), recipe()).prop_map(|(which, recipe)| Act::SetIntentRecipe(which, recipe)),
        2 => (which(), footprint()).prop_map(|(which, footprint)| Act::SetFootprint(which, footprint)),
        2 => which().prop_map(Act::Touch),
        5 => which().prop_map(Act::Release),
        3 => which().prop_map(Act::ReleaseElsewhere),
        1 => which().prop_map(Act::Dismiss),
        2 => label().prop_map(Act::BeginScope),
        2 => which().prop_map(Act::EndScope),
        2 => (1..1_000_000_u64).prop_map(|span| Act::Advance(Duration::from_nanos(span))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_reader_sees_exactly_what_is_open(acts in prop::collection::vec(act(), 1..60)) {
        let place = tempfile::tempdir().unwrap();
        // A thread of its own: what a thread keeps for quick tracking is of the first ledger it used.
        let played = std::thread::scope(|threads| {
            let play = || {
                let mut model = Model::new(place.path());
                for act in &acts {
                    model.apply(act);
                    model.compare();
                }
                model.guards.clear();
                model.scopes.clear();
                model.intents.drain(..).for_each(Intent::abandon);
                model.expected.clear();
                model.compare();
                model.backstop.ledger().unwrap().remove().unwrap();
            };
            threads.spawn(play).join()
        });
        if let Err(panic) = played {
            std::panic::resume_unwind(panic);
        }
    }
}
