//! Documents as rules, and rules as facts: the form in which documents are compared and displayed.

/// A rule of a document, or the whole document if it does not consist of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What rules of this kind are called: `rule`, `statement`.
    pub(super) noun: &'static str,
    /// The given name; empty if the rule has none, or only one that the service generated.
    pub id: String,
    /// The content of the rule, one fact per line, sorted. Two rules with the same facts are equivalent.
    pub facts: Vec<String>,
}

/// A difference in meaning between the sent document and the stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference(String);

/// A message for a line that begins with the resource of the document.
impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Rule {
    pub(super) fn new(noun: &'static str, id: &str, facts: impl IntoIterator<Item = String>) -> Self {
        let mut facts: Vec<String> = facts.into_iter().collect();
        facts.sort_unstable();
        facts.dedup();
        Self { noun, id: id.to_owned(), facts }
    }

    /// The rule in messages: by its name, else by its position, counted from 0.
    fn label(&self, position: usize) -> String {
        if self.id.is_empty() {
            format!("{} {}", self.noun, position + 1)
        } else {
            format!("{} '{}'", self.noun, self.id)
        }
    }

    /// Whether `stored` is equivalent to this rule. If this rule has no name, any name is accepted: the service
    /// generates one.
    fn is_equivalent(&self, stored: &Self) -> bool {
        self.facts == stored.facts && (self.id.is_empty() || self.id == stored.id)
    }
}

/// Whether a stored rule may correspond to a sent one.
type Matcher<'a> = dyn Fn(&Rule, &Rule) -> bool + 'a;

/// Finds the rule of `stored` that corresponds to each rule of `sent`: an equivalent one, else the one with the same
/// name, else one that shares some facts, else (if `loose`) any remaining one.
fn pairs(sent: &[Rule], stored: &[Rule], loose: bool) -> Vec<Option<usize>> {
    let mut free: Vec<usize> = (0..stored.len()).collect();
    let mut found = vec![None; sent.len()];
    let by_name = |a: &Rule, b: &Rule| !a.id.is_empty() && a.id == b.id;
    let by_shared_facts = |a: &Rule, b: &Rule| {
        let others = !(a.id.is_empty() || b.id.is_empty()) && a.facts != b.facts;
        (loose || !others) && a.facts.iter().any(|fact| b.facts.contains(fact))
    };
    let passes: [&Matcher<'_>; 4] =
        [&Rule::is_equivalent, &by_name, &by_shared_facts, &|_: &Rule, _: &Rule| loose];
    for matches in passes {
        for (rule, slot) in sent.iter().zip(&mut found).filter(|(_, slot)| slot.is_none()) {
            if let Some(at) = free.iter().position(|index| matches(rule, &stored[*index])) {
                *slot = Some(free.remove(at));
            }
        }
    }
    found
}

/// The differences in meaning between the sent and the stored rules. `ordered`: whether the order of the rules
/// matters.
pub(super) fn differences(sent: &[Rule], stored: &[Rule], ordered: bool) -> Vec<Difference> {
    let pairs = pairs(sent, stored, true);
    let mut found = Vec::new();
    for (position, (rule, pair)) in sent.iter().zip(&pairs).enumerate() {
        let Some(counterpart) = pair.map(|index| &stored[index]) else {
            found.push(Difference(format!("the {} is not stored", rule.label(position))));
            continue;
        };
        if rule.is_equivalent(counterpart) {
            continue;
        }
        let mut words = Vec::new();
        let lost: Vec<&str> =
            rule.facts.iter().filter(|f| !counterpart.facts.contains(f)).map(String::as_str).collect();
        let new: Vec<&str> =
            counterpart.facts.iter().filter(|f| !rule.facts.contains(f)).map(String::as_str).collect();
        if !lost.is_empty() {
            words.push(format!("without {}", lost.join(", ")));
        }
        if !new.is_empty() {
            words.push(format!("with {}", new.join(", ")));
        }
        if lost.is_empty() && new.is_empty() {
            words.push(format!("under the name '{}'", counterpart.id));
        }
        found.push(Difference(format!(
            "the {} differs: it is stored {}",
            rule.label(position),
            words.join(" and ")
        )));
    }
    for (position, rule) in stored.iter().enumerate() {
        if !pairs.contains(&Some(position)) {
            found.push(Difference(format!("the {} is stored but was not sent", rule.label(position))));
        }
    }
    if ordered && found.is_empty() && !pairs.is_sorted() {
        found.push(Difference(
            "the rules are stored in another order, and the first match applies".to_owned(),
        ));
    }
    found
}

/// The lines of a diff, rule by rule, each prefixed with ` `, `-` or `+`.
pub(super) fn changes(old: &[Rule], new: &[Rule]) -> Vec<String> {
    let pairs = pairs(new, old, false);
    let mut lines = Vec::new();
    let whole = |sign: char, position: usize, rule: &Rule, lines: &mut Vec<String>| {
        lines.push(format!("{sign}{}", rule.label(position)));
        lines.extend(rule.facts.iter().map(|fact| format!("{sign}  {fact}")));
    };
    for (position, rule) in old.iter().enumerate() {
        if !pairs.contains(&Some(position)) {
            whole('-', position, rule, &mut lines);
        }
    }
    for (position, (rule, pair)) in new.iter().zip(&pairs).enumerate() {
        let Some(counterpart) = pair.map(|index| &old[index]) else {
            whole('+', position, rule, &mut lines);
            continue;
        };
        let named = if rule.id.is_empty() { counterpart } else { rule };
        if named.id == counterpart.id {
            lines.push(format!(" {}", named.label(position)));
        } else {
            lines
                .extend([format!("-{}", counterpart.label(position)), format!("+{}", named.label(position))]);
        }
        let mut facts: Vec<&String> = rule.facts.iter().chain(&counterpart.facts).collect();
        facts.sort_unstable();
        facts.dedup();
        for fact in facts {
            let sign = match (counterpart.facts.contains(fact), rule.facts.contains(fact)) {
                (true, true) => ' ',
                (true, false) => '-',
                _ => '+',
            };
            lines.push(format!("{sign}  {fact}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, facts: &[&str]) -> Rule {
        Rule::new("rule", id, facts.iter().map(|fact| (*fact).to_owned()))
    }

    fn reported(sent: &[Rule], stored: &[Rule]) -> Vec<String> {
        differences(sent, stored, false).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn generated_names_and_the_order_do_not_differ() {
        let sent = [rule("", &["a", "b"]), rule("x", &["c"])];
        let stored = [rule("x", &["c"]), rule("generated", &["b", "a"])];
        assert!(reported(&sent, &stored).is_empty());
        assert!(!differences(&sent, &stored, true).is_empty());
    }

    #[test]
    fn rules_that_lost_or_gained_facts_are_reported() {
        let sent = [rule("r", &["Days 3", "larger than 5"]), rule("", &["z"])];
        assert_eq!(
            reported(&sent, &[rule("r", &["Days 3"])]),
            ["the rule 'r' differs: it is stored without larger than 5", "the rule 2 is not stored"]
        );
        assert_eq!(
            reported(&[rule("r", &["a"])], &[rule("r", &["b"]), rule("q", &["c"])]),
            [
                "the rule 'r' differs: it is stored without a and with b",
                "the rule 'q' is stored but was not sent"
            ]
        );
        assert_eq!(
            reported(&[rule("r", &["a"])], &[rule("q", &["a"])]),
            ["the rule 'r' differs: it is stored under the name 'q'"]
        );
    }

    #[test]
    fn diffs_are_grouped_by_rule() {
        let old = [rule("r", &["a", "b"]), rule("gone", &["x"])];
        let new = [rule("r", &["a", "c"]), rule("new", &["y"])];
        let lines = changes(&old, &new);
        assert_eq!(
            lines,
            ["-rule 'gone'", "-  x", " rule 'r'", "   a", "-  b", "+  c", "+rule 'new'", "+  y"]
        );
    }
}
