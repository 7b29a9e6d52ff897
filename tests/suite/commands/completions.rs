//! The completions, in the shells that they are for, and the man pages, in `man`.

use crate::support::env::TestEnv;
use crate::support::run::Run;
use crate::support::skip;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file of the repository.
fn checked_in(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Whether a program is installed. Skips the test if it is not.
fn installed(program: &str) -> bool {
    let started = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if started.is_err() {
        skip::missing(program);
    }
    started.is_ok()
}

/// A world with objects, and `s3cmd` on the path of its shells.
fn world() -> TestEnv {
    let t = TestEnv::with_bucket();
    for key in ["a.txt", "d/b c", "d/e/f", "dx"] {
        t.object(key, "x");
    }
    t.file("local.txt", "x");
    t
}

/// Runs a script in a shell, with these lines to complete as its parameters.
fn complete(t: &TestEnv, shell: &[&str], script: &str, lines: &[&str]) -> Run {
    let directory = t.home("bin");
    std::fs::create_dir_all(&directory).expect("a directory");
    let program = directory.join("s3cmd");
    if !program.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_s3cmd"), &program).expect("a link");
    }
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap_or_default());
    // The invocation is a shell in the same environment; `exec` turns it into the shell to test.
    let mut call = t.shell("exec \"$0\" \"$@\"").env("PATH", path).env("XDG_CACHE_HOME", t.home("cache"));
    for word in shell {
        call = call.arg(word);
    }
    call = call.arg(script);
    if shell[0] == "zsh" || shell[0] == "bash" {
        call = call.arg("test");
    }
    for line in lines {
        call = call.arg(t.fill(line));
    }
    call.run()
}

/// For each line what has to be offered, and what must not be.
const STATIC: &[(&str, &[&str], &[&str])] = &[
    ("s3cmd pu", &["put"], &["get", "pull"]),
    ("s3cmd -c x --exclude ls gett", &["gettagging"], &["get"]),
    ("s3cmd put --recu", &["--recursive"], &["--requester-pays"]),
    ("s3cmd ls --multi", &[], &["--multipart-chunk-size-mb="]),
    ("s3cmd put --checksum-algorithm crc", &["crc32c", "crc64nvme"], &["sha1"]),
    ("s3cmd help signu", &["signurl"], &["sign"]),
    ("s3cmd put loc", &["local.txt"], &["put"]),
    ("s3cmd --config loc", &["local.txt"], &[]),
];

/// The same, with completions that come from the store.
const DYNAMIC: &[(&str, &[&str], &[&str])] = &[
    (
        "s3cmd ls s3://BUCKET/",
        &["s3://BUCKET/a.txt", "s3://BUCKET/d/", "s3://BUCKET/dx"],
        &["s3://BUCKET/d/e/"],
    ),
    ("s3cmd get s3://BUCKET/d/e", &["s3://BUCKET/d/e/"], &["s3://BUCKET/d/e/f", "s3://BUCKET/dx"]),
    ("s3cmd put local.txt s3://BUCKET/a", &["s3://BUCKET/a.txt"], &["s3://BUCKET/dx"]),
    ("s3cmd sync --add-destination s3://BUCKET/a", &["s3://BUCKET/a.txt"], &[]),
    ("s3cmd ls s3://PART", &["s3://BUCKET/"], &[]),
    ("s3cmd mb s3://PART", &["s3://BUCKET"], &["s3://BUCKET/"]),
];

/// Compares what a shell offered with the tables. `whole` converts an offer to the form of the table.
fn check(t: &TestEnv, shell: &[&str], script: &str, whole: impl Fn(&str, &str) -> String) {
    for (line, wanted, unwanted) in STATIC.iter().chain(DYNAMIC) {
        let typed = t.fill(&line.replace("PART", &t.fill("BUCKET")[..8]));
        let run = complete(t, shell, script, &[&typed]);
        let offers: Vec<String> = run.lines().iter().map(|offer| whole(line, offer.trim_end())).collect();
        for offer in *wanted {
            assert!(
                offers.iter().any(|found| found == offer),
                "{line}: {offer} is missing in {offers:?}\n{run}"
            );
        }
        for offer in *unwanted {
            assert!(!offers.iter().any(|found| found == offer), "{line}: {offer} in {offers:?}\n{run}");
        }
    }
}

/// Calls the function as bash does: with the words split at `:` and `=`, and with the word to replace.
const BASH: &str = r#"
source COMPLETIONS/s3cmd.bash
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=() rest=$1
while [[ $rest =~ ^[[:space:]]*([:=]+|[^[:space:]:=]+) ]]; do
    COMP_WORDS+=("${BASH_REMATCH[1]}")
    rest=${rest:${#BASH_REMATCH[0]}}
done
[[ $1 == *[[:space:]] ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
piece=${COMP_WORDS[COMP_CWORD]}
[[ $piece == [:=] ]] && piece=
_s3cmd s3cmd "$piece" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// A line in a real zsh, on a terminal of its own. The completions are printed as they are added.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT= RPROMPT=; unsetopt prompt_cr prompt_sp; fpath=(COMPLETIONS $fpath)
autoload -Uz compinit; compinit -u -D
compadd() {
    local -a __given
    builtin compadd -O __given "$@"
    (( ${#__given} )) && print -rl -- "OFFER:"${^__given}":"
    builtin compadd "$@"
}
offer() { _main_complete; print -r -- ":"END }
zle -C offer list-choices offer; bindkey "^X" offer
print -r -- "READY:""NOW"'
text=
while [[ $text != *READY:NOW* ]] && zpty -r shell piece; do text+=$piece; done
zpty -w -n shell "$1"$'\x18'
text=
while [[ $text != *:END* ]] && zpty -r shell piece; do text+=$piece; done
for piece in ${(f)text//$'\r'/}; do
    [[ $piece == *OFFER:*: ]] && print -r -- ${${piece#*OFFER:}%:}
done
zpty -d shell
"#;

#[test]
fn bash_completes() {
    if !installed("bash") {
        return;
    }
    let t = world();
    let script = BASH.replace("COMPLETIONS", &checked_in("completions").to_string_lossy());
    check(&t, &["bash", "--norc", "-c"], &script, |line, offer| {
        // Only the part after the colon is replaced.
        if line.contains(" s3:") && offer.starts_with("//") {
            format!("s3:{offer}")
        } else {
            offer.to_owned()
        }
    });
}

#[test]
fn fish_completes() {
    if !installed("fish") {
        return;
    }
    let t = world();
    let script =
        format!("source {}; complete -C $argv[1]", checked_in("completions/s3cmd.fish").to_string_lossy());
    check(&t, &["fish", "--no-config", "-c"], &script, |_, offer| {
        let offer = offer.split('\t').next().unwrap_or_default();
        // Fish names an option without the sign before its value.
        offer.to_owned()
    });
}

#[test]
fn zsh_completes() {
    if !installed("zsh") {
        return;
    }
    let t = world();
    let script = ZSH.replace("COMPLETIONS", &checked_in("completions").to_string_lossy());
    check(&t, &["zsh", "-f", "-c"], &script, |_, offer| offer.to_owned());
}

#[test]
fn every_man_page_renders_without_a_warning() {
    if !installed("man") {
        return;
    }
    let pages: Vec<PathBuf> = std::fs::read_dir(checked_in("man"))
        .expect("there are pages")
        .map(|entry| entry.expect("the directory can be read").path())
        .collect();
    assert!(pages.len() > 30, "{pages:?}");
    for page in pages {
        let man = Command::new("man")
            .args(["-l", "--warnings", "-E", "UTF-8", "-Tutf8"])
            .arg(&page)
            .output()
            .expect("man starts");
        let words = String::from_utf8_lossy(&man.stderr);
        assert!(man.status.success() && words.is_empty(), "{}: {words}", page.display());
        // Bold letters are printed twice, these are plain.
        assert!(String::from_utf8_lossy(&man.stdout).contains("s3cmd manual"), "{}", page.display());
    }
}

#[test]
fn completion_prints_candidates_or_nothing() {
    let t = world();
    let ask = |line: &str| t.s3cmd(line).env("XDG_CACHE_HOME", t.home("cache"));
    ask("__complete zsh objects s3://BUCKET/d ls").ok().prints("s3://BUCKET/d/\ns3://BUCKET/dx");
    ask("__complete bash objects 's3://BUCKET/d/b\\ ' ls").ok().prints("s3://BUCKET/d/b c");
    // On any error the line that is being typed stays as it is.
    for line in [
        "__complete zsh objects s3://nosuchbucket-at-all/ ls",
        "__complete zsh objects s3://BUCKET/e --host localhost:1",
        "__complete zsh objects s3://BUCKET/e --secret_key wrong",
        "__complete zsh objects s3://BUCKET/e -c nosuchfile",
        "__complete zsh objects s3://BUCKET/e --nosuch",
        "__complete zsh objects local.txt",
        "__complete zsh nosuch s3://",
    ] {
        ask(line).ok().prints("");
    }
    // Without a query it is an unknown command.
    t.s3cmd("__complete").fails(64).complains("ERROR: Invalid command: __complete");
}

#[test]
fn options_of_the_completed_line_choose_the_configuration() {
    let t = world();
    std::fs::rename(t.home(".s3cfg"), t.home("other")).expect("it is there");
    let ask = |line: &str| t.s3cmd(line).env("XDG_CACHE_HOME", t.home("cache"));
    ask("__complete zsh objects s3://BUCKET/a ls").ok().prints("");
    ask("__complete bash objects s3://BUCKET/a -c ~/other ls").ok().prints("s3://BUCKET/a.txt");
    std::fs::rename(t.home("other"), t.home(".s3cfg")).expect("it is there");
}

#[test]
fn the_cache_is_readable_by_the_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let t = world();
    let ask = |line: &str| t.s3cmd(line).env("XDG_CACHE_HOME", t.home("cache"));
    ask("__complete zsh objects s3://BUCKET/ ls").ok().mentions("s3://BUCKET/a.txt");
    t.s3cmd("del s3://BUCKET/a.txt").ok();
    ask("__complete zsh objects s3://BUCKET/a ls").ok().prints("s3://BUCKET/a.txt");
    let kept: Vec<_> = std::fs::read_dir(t.home("cache/s3cmd/completions"))
        .expect("there is a cache")
        .map(|entry| {
            entry.expect("it can be read").metadata().expect("it has some").permissions().mode() & 0o777
        })
        .collect();
    assert_eq!(kept, [0o600]);
}
