//! Command lines by chance: options and arguments of the everyday commands, in any order, from a seed.

/// A source of lines that always gives the same ones for a seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64, by Sebastiano Vigna.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A command line.
    pub(crate) fn line(&mut self) -> String {
        // Uploads come more often, so that there is something to work on.
        match self.below(12) {
            0..=3 => self.put(),
            4 | 5 => self.get(),
            6 => self.compose("ls", LS_OPTIONS, 3, 1, REMOTE),
            7 => self.compose("du", &["-H"], 1, 1, REMOTE),
            8 => self.copy(),
            9 => self.compose("del", DEL_OPTIONS, 2, 1, KEYS),
            10 => self.compose(
                "setacl",
                &["--acl-public", "--acl-private", "-r", "--acl-grant=read:ALTID"],
                2,
                1,
                KEYS,
            ),
            _ => self.compose("info", &[], 0, 1, KEYS),
        }
    }

    fn put(&mut self) -> String {
        let sources = self.below(3) + 1;
        let line = self.compose("put", PUT_OPTIONS, 4, sources, LOCAL);
        format!("{line} {}", self.pick(REMOTE))
    }

    fn get(&mut self) -> String {
        let sources = self.below(2) + 1;
        let line = self.compose("get", GET_OPTIONS, 3, sources, KEYS);
        format!("{line} {}", self.pick(&["down", "down/", "got", "down/new", "missing/", "."]))
    }

    fn copy(&mut self) -> String {
        let command = self.pick(&["cp", "cp", "mv"]);
        let line = self.compose(command, &["-r", "--exclude='*.html'", "--acl-private", "-n"], 2, 1, KEYS);
        format!(
            "{line} {}",
            self.pick(&["s3://BUCKET2", "s3://BUCKET2/q/", "s3://BUCKET2/new", "s3://BUCKET/c/"])
        )
    }

    /// A command with some options and arguments, the options anywhere among them.
    fn compose(
        &mut self,
        command: &str,
        options: &[&str],
        most: usize,
        arguments: usize,
        from: &[&str],
    ) -> String {
        let mut words = vec![command.to_owned()];
        words.extend((0..arguments).map(|_| self.pick(from).to_owned()));
        if !options.is_empty() {
            for _ in 0..self.below(most + 1) {
                let at = self.below(words.len() + 1);
                words.insert(at, self.pick(options).to_owned());
            }
        }
        words.join(" ")
    }
}

const LOCAL: &[&str] = &[
    "hello.txt",
    "one.txt",
    "two.txt",
    "empty.txt",
    "'with space.txt'",
    "ä+%.txt",
    "tree",
    "tree/",
    "tree/sub",
    "notes.html",
];

/// No object gets the name of a prefix: what `-r` then means is a difference (`recursive-object`).
const REMOTE: &[&str] = &[
    "s3://BUCKET",
    "s3://BUCKET/",
    "s3://BUCKET/p/",
    "s3://BUCKET/plain",
    "s3://BUCKET/single",
    "s3://BUCKET/p/q/",
];

const KEYS: &[&str] = &[
    "s3://BUCKET/hello.txt",
    "s3://BUCKET/one.txt",
    "s3://BUCKET/p",
    "s3://BUCKET/p/",
    "s3://BUCKET/p/hello.txt",
    "s3://BUCKET/tree/",
    "s3://BUCKET/tree",
    "s3://BUCKET/tree/a.txt",
    "s3://BUCKET/p/*.txt",
    "s3://BUCKET/*",
    "s3://BUCKET",
    "'s3://BUCKET/with space.txt'",
    "s3://BUCKET/none",
];

const PUT_OPTIONS: &[&str] = &[
    "-r",
    "-r",
    "--recursive",
    "--exclude='*.html'",
    "--exclude='sub/*'",
    "--exclude='*' --include='*.txt'",
    "--rexclude='^s'",
    "-n",
    "--mime-type=text/x-test",
    "--no-preserve",
    "--acl-private",
    "--no-guess-mime-type",
    "--storage-class=STANDARD",
    "--add-header=x-amz-meta-a:b",
    "--no-check-md5",
    "-q",
    "--no-progress",
    "--stats",
];

const GET_OPTIONS: &[&str] =
    &["-r", "-r", "--force", "-f", "--skip-existing", "--continue", "-n", "--exclude='*.html'", "-q"];

const LS_OPTIONS: &[&str] =
    &["-r", "-l", "-H", "--list-md5", "--limit=2", "--human-readable-sizes", "--recursive"];

const DEL_OPTIONS: &[&str] = &["-r", "-n", "-f", "--exclude='*.txt'", "--max-delete=2"];

/// All that options are chosen from.
pub(crate) const POOLS: &[&[&str]] = &[PUT_OPTIONS, GET_OPTIONS, LS_OPTIONS, DEL_OPTIONS];
