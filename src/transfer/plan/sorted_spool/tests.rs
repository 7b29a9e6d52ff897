//! Compares sorted spools with sorted vectors.

use super::*;
use crate::transfer::plan::record::{Fields, put_bytes, put_number};
use proptest::prelude::*;

impl Record for (String, u64) {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.0.as_bytes());
        put_number(out, self.1);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some((fields.text()?.to_owned(), fields.number()?))
    }
}

type Named = (String, u64);

/// The numbers show whether equal names keep their order. Items that are equal in both are duplicates.
const SORT_ORDER: SortOrder<Named> = SortOrder { order: |a, b| a.0.cmp(&b.0), same: |a, b| a == b };

fn model(mut items: Vec<Named>) -> Vec<Named> {
    items.sort_by(SORT_ORDER.order);
    items.dedup();
    items
}

fn planned(items: &[Named], in_memory: usize) -> SortedSpool<Named> {
    let mut plan = Sorter::with_memory(SORT_ORDER, in_memory);
    items.iter().for_each(|item| plan.push(item.clone()).unwrap());
    plan.finish().unwrap()
}

proptest! {
    /// A spool returns what sorting a vector returns, in memory and in a file.
    #[test]
    fn a_spool_returns_a_sorted_vector(
        items in proptest::collection::vec(("[a-c/-]{0,4}", 0..2u64), 0..200),
        in_memory in prop_oneof![Just(1usize), 20..600usize, Just(1 << 20)],
        presorted in any::<bool>(),
    ) {
        let items = if presorted { model(items) } else { items };
        let sorted = planned(&items, in_memory);
        let read = || sorted.iter().collect::<io::Result<Vec<_>>>().unwrap();
        let expected = model(items);
        prop_assert_eq!(sorted.len(), expected.len() as u64);
        prop_assert_eq!(sorted.is_empty(), expected.is_empty());
        prop_assert_eq!(&read(), &expected);
        prop_assert_eq!(&read(), &expected);
    }
}

#[test]
fn sorted_input_is_one_run_and_is_not_merged() {
    let mut plan = Sorter::with_memory(SORT_ORDER, 100);
    for number in 0..5_000 {
        plan.push((format!("{number:05}"), number)).unwrap();
    }
    assert_eq!(plan.runs.len(), 1);
    let sorted = plan.finish().unwrap();
    let (mut one, mut other) = (sorted.iter(), sorted.iter());
    for number in 0..5_000 {
        assert_eq!(one.next().unwrap().unwrap().1, number);
        if number % 2 == 0 {
            assert_eq!(other.next().unwrap().unwrap().1, number / 2);
        }
    }
    assert!(one.next().is_none());
}

#[test]
fn a_damaged_file_is_detected() {
    let sorted = planned(&[("a".into(), 1), ("b".into(), 2)], 1);
    let Store::File(file) = &sorted.store else { panic!("the plan should be in a file") };
    file.lock().unwrap().seek(SeekFrom::Start(0)).unwrap();
    file.lock().unwrap().write_all(&[200]).unwrap();
    assert!(sorted.iter().any(|item| item.is_err()));
}
