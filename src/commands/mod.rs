//! One file a subcommand. A command holds no protocol and no loops over bytes: it reads like the sentence that
//! describes it, and leaves the rest to `transfer` and `s3`.

pub mod context;
