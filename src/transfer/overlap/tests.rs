//! Runs arranged plans against a map of contents.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Source and destination of an item.
type Pair = (String, String);

impl Record for Pair {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.0.as_bytes());
        put_bytes(out, self.1.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some((fields.text()?.to_owned(), fields.text()?.to_owned()))
    }
}

fn arranged(pairs: &[Pair], moves: bool) -> Outcome<Vec<Step<Pair>>> {
    let effects = Effects {
        reads: |pair: &Pair| S3Uri::new("b", pair.0.clone()),
        writes: |pair: &Pair| S3Uri::new("b", pair.1.clone()),
        moves,
    };
    Ok(match arrange(|| pairs.iter().cloned().map(Ok), effects)? {
        Some(steps) => steps.iter().map(Result::unwrap).collect(),
        None => pairs.iter().cloned().map(Step::from).collect(),
    })
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<Pair> {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

fn sources(steps: Vec<Step<Pair>>) -> Vec<String> {
    steps.into_iter().map(|step| step.item.0).collect()
}

#[test]
fn reads_come_before_the_writes_that_overwrite_them() {
    let unwrapped = pairs(&[("d/d/d/x", "d/d/x"), ("d/d/x", "d/x"), ("d/x", "x"), ("d/y", "y")]);
    assert_eq!(sources(arranged(&unwrapped, true).unwrap()), ["d/x", "d/y", "d/d/x", "d/d/d/x"]);
    let nested = pairs(&[("m/m/x", "m/m/m/x"), ("m/x", "m/m/x"), ("x", "m/x")]);
    assert_eq!(sources(arranged(&nested, false).unwrap()), ["m/m/x", "m/x", "x"]);
}

#[test]
fn a_cycle_is_rejected_but_a_copy_onto_itself_is_not() {
    let failure = arranged(&pairs(&[("a", "b"), ("b", "c"), ("c", "a")]), false).unwrap_err();
    assert_eq!(failure.exit, crate::output::Exit::USAGE);
    assert!(failure.lines[0].contains("s3://b/"), "{failure:?}");
    assert_eq!(sources(arranged(&pairs(&[("a", "a"), ("b", "c")]), true).unwrap()), ["a", "b"]);
    assert_eq!(sources(arranged(&pairs(&[("a", "a"), ("a", "c")]), true).unwrap()), ["a", "a"]);
}

#[test]
fn a_source_of_two_items_is_deleted_by_the_last_one() {
    let steps = arranged(&pairs(&[("a", "x"), ("a", "y"), ("c", "a")]), true).unwrap();
    let shown: Vec<_> = steps.iter().map(|step| (step.item.1.as_str(), step.keeps_source)).collect();
    assert_eq!(shown, [("x", true), ("y", false), ("a", false)]);
}

#[test]
fn prefixes_overlap_if_one_begins_with_the_other() {
    let meet = |a: &str, b: &str| may_meet(&S3Uri::parse(a).unwrap(), &S3Uri::parse(b).unwrap());
    assert!(meet("s3://b/a/", "s3://b") && meet("s3://b/a", "s3://b/a/c/") && meet("s3://b", "s3://b"));
    assert!(!meet("s3://b/a/", "s3://b/c/") && !meet("s3://b/a/", "s3://c/a/"));
}

#[tokio::test(start_paused = true)]
async fn an_item_waits_for_the_readers_of_what_it_writes_and_no_longer() {
    let (reads, uri) = (PendingReads::default(), |key: &str| S3Uri::new("b", key));
    let (first, second) = (reads.claim(uri("a")), reads.claim(uri("b")));
    let waits = tokio::spawn(second.wait_for_turn(vec![uri("a"), uri("c")]));
    tokio::task::yield_now().await;
    assert!(!waits.is_finished() && !second.is_at_risk(&uri("a")));
    first.done();
    waits.await.unwrap();
    assert!(!second.is_at_risk(&uri("a")));
    let third = reads.claim(uri("z"));
    drop(second);
    third.wait_for_turn(vec![uri("b"), uri("z")]).await;
    assert!(third.is_at_risk(&uri("b")));
    third.done();
    assert!(reads.state().pending.is_empty());
}

#[tokio::test]
async fn a_failed_copy_stops_what_would_overwrite_or_delete_its_source_and_nothing_else() {
    for moves in [false, true] {
        let plan = pairs(&[("a", "a"), ("a", "b"), ("x", "a"), ("b", "c")]);
        let effects = Effects {
            reads: |pair: &Pair| S3Uri::new("b", &*pair.0),
            writes: |pair: &Pair| S3Uri::new("b", &*pair.1),
            moves,
        };
        let steps = arrange(|| plan.iter().cloned().map(Ok), effects).unwrap();
        let turns = turns(steps, futures::stream::empty(), effects);
        let turns: Vec<Turn<Pair>> = turns.try_collect().await.unwrap();
        let mut lost = Vec::new();
        for turn in turns {
            turn.ready().await;
            let (from, to) = (turn.from.key.clone(), turn.to.key.clone());
            match turn.object_at_risk().map(|object| object.key.clone()) {
                Some(object) => lost.push((from, to, object)),
                // The copy onto itself fails.
                None if from == to => {}
                None => turn.done(),
            }
        }
        let named = |from: &str, to: &str| (from.to_owned(), to.to_owned(), "a".to_owned());
        let mut expected = vec![named("x", "a")];
        if moves {
            expected.insert(0, named("a", "b"));
        }
        lost.sort();
        assert_eq!(lost, expected, "moves: {moves}");
    }
}

proptest! {
    /// When objects are moved in the arranged order, every content survives, unless an object that is not a source was
    /// overwritten.
    #[test]
    fn no_source_is_lost(
        map in proptest::collection::btree_map("[ab](/[ab]){0,2}", "[abc](/[ab]){0,2}", 1..9),
        moves: bool,
    ) {
        let mut seen = HashSet::new();
        let pairs: Vec<Pair> = map.into_iter().filter(|(from, to)| from != to && seen.insert(to.clone())).collect();
        let Ok(steps) = arranged(&pairs, moves) else { return Ok(()) };
        prop_assert_eq!(steps.len(), pairs.len());
        let mut store: BTreeMap<String, String> = pairs.iter().map(|(from, _)| (from.clone(), from.clone())).collect();
        for Step { item: (from, to), .. } in steps {
            let content = store[&from].clone();
            if moves {
                store.remove(&from);
            }
            store.insert(to, content);
        }
        for (from, to) in &pairs {
            prop_assert_eq!(store.get(to), Some(from));
        }
    }
}
