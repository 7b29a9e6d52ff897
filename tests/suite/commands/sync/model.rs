//! `sync` by its rules: for any two trees and any filters the destination becomes what the rules require, in all three
//! directions, with and without `--delete-removed`, and a second run does nothing.
//!
//! This file states the rules once more, independently of the program: `Case::expected`. `PROPTEST_CASES` is the number
//! of cases; a failure prints the smallest case that fails.

use crate::support::env::TestEnv;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// Content by relative name.
type Tree = BTreeMap<String, String>;

/// The direction of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
    Between,
}

/// When two files of one name are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Equal {
    /// Size and content.
    Content,
    /// Size, with `--no-check-md5`.
    Size,
    /// The name, with `--skip-existing`.
    Name,
}

#[derive(Clone, Debug)]
enum Pattern {
    Glob(String),
    Regexp(String),
}

/// An entry of the list of excludes or of includes.
#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    /// Whether it is in a file of patterns.
    in_file: bool,
}

#[derive(Clone, Debug)]
struct Case {
    direction: Direction,
    source: Tree,
    destination: Tree,
    exclude: Vec<Rule>,
    include: Vec<Rule>,
    equal: Equal,
    delete: bool,
    /// The limit of deletions.
    most: Option<usize>,
    /// Whether the source is named without a slash, so that its name is kept below the destination.
    named: bool,
}

/// A sibling of the source whose name begins alike; it must not be touched.
const SIBLING: &str = "src-2/a";

fn trees() -> impl Strategy<Value = Tree> {
    let name = "(s/|t/|s/t/|t/s-/|s/t/t/)?(a|b|c|a-|é|b a)(\\.x|\\.y)?";
    proptest::collection::btree_map(name, "[01]{0,2}", 0..8)
}

fn rules(most: usize) -> impl Strategy<Value = Vec<Rule>> {
    let glob = prop_oneof![
        proptest::sample::select(
            &["*", "*.x", "a*", "s/*", "s/", "t/", "*/t/*", "b", "s/*.x", "é.x", "src/*", "*/"][..]
        )
        .prop_map(str::to_owned),
        "([abst*?/]|\\[a-c\\]|\\[!at\\]|\\.x|é){1,5}",
    ];
    let regexp = prop_oneof![
        proptest::sample::select(&["^a", "\\.x$", "s/t", "^s/$", "t/$", "^[^/]*$", "(a|é)", "^src/"][..])
            .prop_map(str::to_owned),
        "\\^?([abst/.]|[ab]\\*|[st]\\+|[a-c]|a\\?){1,3}\\$?",
    ];
    let pattern = prop_oneof![3 => glob.prop_map(Pattern::Glob), 1 => regexp.prop_map(Pattern::Regexp)];
    let rule = (pattern, any::<bool>()).prop_map(|(pattern, in_file)| Rule { pattern, in_file });
    proptest::collection::vec(rule, 0..most)
}

fn cases() -> impl Strategy<Value = Case> {
    let direction = proptest::sample::select(&[Direction::Up, Direction::Down, Direction::Between][..]);
    let equal = prop_oneof![4 => Just(Equal::Content), 1 => Just(Equal::Size), 1 => Just(Equal::Name)];
    let most = prop_oneof![3 => Just(None), 1 => (1..4usize).prop_map(Some)];
    (direction, trees(), trees(), rules(3), rules(3), equal, any::<bool>(), most, any::<bool>()).prop_map(
        |(direction, source, destination, exclude, include, equal, delete, most, named)| Case {
            direction,
            source,
            destination,
            exclude,
            include,
            equal,
            delete,
            most,
            named,
        },
    )
}

/// A glob as s3cmd takes it: `*`, `?` and `[!...]` cross slashes, and only the end is anchored.
fn matches(pattern: &str, name: &str) -> bool {
    fn whole(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|skip| whole(rest, &name[skip..])),
            ['?', rest @ ..] => !name.is_empty() && whole(rest, &name[1..]),
            ['[', rest @ ..] => {
                let end = rest.iter().position(|c| *c == ']').expect("a class that ends");
                let (class, rest) = (&rest[..end], &rest[end + 1..]);
                let (negated, class) =
                    class.strip_prefix(&['!']).map_or((false, class), |class| (true, class));
                let within = |c: char| match class {
                    [from, '-', to] => (*from..=*to).contains(&c),
                    _ => class.contains(&c),
                };
                name.first().is_some_and(|c| within(*c) != negated) && whole(rest, &name[1..])
            }
            [first, rest @ ..] => name.first() == Some(first) && whole(rest, &name[1..]),
        }
    }
    let pattern: Vec<char> = format!("*{pattern}").chars().collect();
    whole(&pattern, &name.chars().collect::<Vec<_>>())
}

impl Rule {
    fn covers(&self, name: &str) -> bool {
        match &self.pattern {
            Pattern::Glob(glob) => matches(glob, name),
            Pattern::Regexp(regexp) => Regex::new(regexp).expect("a pattern").is_match(name),
        }
    }

    /// Whether it also applies to directories, before they are entered.
    fn is_about_directories(&self) -> bool {
        match &self.pattern {
            Pattern::Glob(glob) => glob.ends_with('/'),
            // Measured on s3cmd 2.4.0: `--rexclude='t/$'` excludes no directory.
            Pattern::Regexp(_) => false,
        }
    }
}

impl Case {
    /// The name that rules apply to: the one below the destination.
    fn subject(&self, name: &str) -> String {
        if self.named { format!("src/{name}") } else { name.to_owned() }
    }

    fn excluded(&self, name: &str) -> bool {
        let name = self.subject(name);
        let any = |rules: &[Rule]| rules.iter().any(|rule| rule.covers(&name));
        any(&self.exclude) && !any(&self.include)
    }

    /// Whether a rule excludes a local directory above that name.
    fn hidden(&self, base: &str, name: &str) -> bool {
        let any = |rules: &[Rule], directory: &str| {
            rules.iter().any(|rule| rule.is_about_directories() && rule.covers(directory))
        };
        let path = format!("{base}/{name}");
        // The named directory is entered whatever the rules are.
        path.match_indices('/').filter(|(slash, _)| *slash > base.len()).any(|(slash, _)| {
            let directory = &path[..=slash];
            any(&self.exclude, directory) && !any(&self.include, directory)
        })
    }

    /// What the destination has to hold afterwards, below the name of the source. `--max-delete` also counts local
    /// directories that are empty then, as in s3cmd 2.4.0; this model does not decide for which kinds of rules.
    fn expected(&self, counts_directories: bool) -> Tree {
        let taken = |name: &str| match self.direction {
            Direction::Up => !self.excluded(name) && !self.hidden("src", name),
            Direction::Down | Direction::Between => !self.excluded(name),
        };
        let base = if self.named { "dst/src" } else { "dst" };
        let guarded = |name: &str| self.direction == Direction::Down && self.hidden(base, name);
        let source: Tree = self.source.clone().into_iter().filter(|(name, _)| taken(name)).collect();
        let superfluous = |name: &str| taken(name) && !guarded(name) && !source.contains_key(name);
        let mut deletions = self.destination.keys().filter(|name| superfluous(name)).count();
        if counts_directories && self.direction == Direction::Down {
            let paths = self.destination.keys();
            let directories: BTreeSet<&str> = paths
                .flat_map(|path| path.match_indices('/').map(|(slash, _)| &path[..=slash]))
                .filter(|directory| {
                    let mut inside = self.destination.keys().filter(|path| path.starts_with(directory));
                    inside.all(|path| superfluous(path))
                        && !source.keys().any(|path| path.starts_with(directory))
                })
                .collect();
            deletions += directories.len();
        }
        let delete = self.delete && !source.is_empty() && self.most.is_none_or(|most| deletions <= most);
        let mut result = self.destination.clone();
        result.retain(|name, _| !(delete && superfluous(name)));
        for (name, content) in source {
            let same = self.destination.get(&name).is_some_and(|there| match self.equal {
                Equal::Content => *there == content,
                Equal::Size => there.len() == content.len(),
                Equal::Name => true,
            });
            if !same {
                result.insert(name, content);
            }
        }
        result
    }

    /// The options; writes the files that they need.
    fn options(&self, t: &TestEnv) -> String {
        let mut options = String::new();
        for (kind, rules) in [("exclude", &self.exclude), ("include", &self.include)] {
            for (at, rule) in rules.iter().enumerate() {
                let (letter, pattern) = match &rule.pattern {
                    Pattern::Glob(glob) => ("", glob),
                    Pattern::Regexp(regexp) => ("r", regexp),
                };
                if rule.in_file {
                    let file = format!("{kind}{at}");
                    t.file(&file, format!("# a comment\n\n  {pattern}  \n"));
                    options += &format!(" --{letter}{kind}-from={file}");
                } else {
                    options += &format!(" '--{letter}{kind}={pattern}'");
                }
            }
        }
        options += match self.equal {
            Equal::Content => "",
            Equal::Size => " --no-check-md5",
            Equal::Name => " --skip-existing",
        };
        options += if self.delete { " --delete-removed" } else { "" };
        options + &self.most.map_or_else(String::new, |most| format!(" --max-delete={most}"))
    }
}

/// One side: how to create it and how to read it.
struct Side<'a> {
    t: &'a TestEnv,
    local: bool,
    /// Name of the directory, or of the prefix.
    name: &'a str,
}

impl Side<'_> {
    /// The directory or prefix, with a slash at its end or without.
    fn argument(&self, slash: bool) -> String {
        let place = if self.local { self.name.to_owned() } else { format!("s3://BUCKET/{}", self.name) };
        if slash { place + "/" } else { place }
    }

    fn fill(&self, files: &Tree) {
        let directory = if self.local { self.name } else { "upload" };
        self.t.dir(directory);
        for (name, content) in files {
            self.t.file(format!("{directory}/{name}"), content);
        }
        if !self.local {
            if !files.is_empty() {
                self.t.s3cmd(&format!("put -r upload/ {}", self.argument(true))).ok();
            }
            std::fs::remove_dir_all(self.t.path("upload")).expect("it is there");
        }
    }

    fn content(&self) -> Tree {
        let directory = if self.local { self.name } else { "download" };
        if !self.local {
            self.t.dir(directory);
            self.t.s3cmd(&format!("get -r {} download/", self.argument(true))).ok();
        }
        let files = self.t.files(directory).into_iter();
        let content = files.map(|name| (name.clone(), self.t.text(format!("{directory}/{name}")))).collect();
        if !self.local {
            std::fs::remove_dir_all(self.t.path("download")).expect("it is there");
        }
        content
    }
}

/// The tree below the name that the source has there, with its sibling.
fn below(case: &Case, tree: Tree) -> Tree {
    if !case.named {
        return tree;
    }
    let mut all: Tree = tree.into_iter().map(|(name, content)| (format!("src/{name}"), content)).collect();
    all.insert(SIBLING.to_owned(), "sibling".to_owned());
    all
}

fn check(case: &Case) {
    let t = TestEnv::with_bucket();
    let source = Side { t: &t, local: case.direction == Direction::Up, name: "src" };
    let destination = Side { t: &t, local: case.direction == Direction::Down, name: "dst" };
    source.fill(&case.source);
    destination.fill(&below(case, case.destination.clone()));
    let options = case.options(&t);
    let line = format!("sync{options} {} {}", source.argument(!case.named), destination.argument(true));
    let run = t.s3cmd(&line).run();
    assert_eq!(run.code, Some(0), "{run}");
    let content = destination.content();
    let expected = [true, false].map(|counts| below(case, case.expected(counts)));
    let expected = expected.into_iter().find(|expected| *expected == content);
    let Some(expected) = expected else {
        panic!("{case:?}\n{run}\nthere is {content:?}\nand not {:?}", case.expected(true));
    };
    assert_eq!(source.content(), case.source, "the source has changed: {case:?}\n{run}");
    let again = t.s3cmd(&line).run();
    // Deletions above the limit are not made by the second run either, but counted.
    let counted = |line: &&str| !line.starts_with("Summary: 0 source files to copy, ");
    let did: Vec<&str> = again.lines().into_iter().filter(counted).collect();
    assert!(did.is_empty() && again.code == Some(0), "{case:?}\n{again}");
    assert_eq!(destination.content(), expected, "by the second run: {case:?}\n{again}");
}

#[test]
fn any_two_trees_end_as_the_rules_require() {
    let count = crate::support::random::number("PROPTEST_CASES").unwrap_or(24);
    let cases_of = u32::try_from(count).expect("a number of cases");
    let config =
        Config { cases: cases_of, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    TestRunner::new(config)
        .run(&cases(), |case| {
            check(&case);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
