//! The command table: one row for each command that exists.

/// A command. Adding one is a line here, a row in [`COMMANDS`] and a file in `src/commands/`.
#[allow(missing_docs, reason = "the rows of the table say what each command is for")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    Mb,
    Rb,
    Ls,
    La,
    Put,
    Get,
    Sync,
    Del,
    Du,
    Info,
    Cp,
    Mv,
    Setacl,
    Getacl,
    Setpolicy,
    Getpolicy,
    Delpolicy,
    Setlifecycle,
    Getlifecycle,
    Dellifecycle,
    Settagging,
    Gettagging,
    Deltagging,
    Setcors,
    Getcors,
    Delcors,
    Setversioning,
    Getversioning,
    Setownership,
    Getownership,
    Setblockpublicaccess,
    Getblockpublicaccess,
    Setobjectlegalhold,
    Getobjectlegalhold,
    Setobjectretention,
    Getobjectretention,
    Payer,
    Accesslog,
    Expire,
    Setnotification,
    Getnotification,
    Delnotification,
    WsCreate,
    WsInfo,
    WsDelete,
    Modify,
    Restore,
    Fixbucket,
    Cflist,
    Cfinfo,
    Cfcreate,
    Cfdelete,
    Cfmodify,
    Cfinval,
    Cfinvalinfo,
    Multipart,
    Listmp,
    Abortmp,
    Sign,
    Signurl,
    Md5sum,
    Check,
    Serve,
    Help,
}

/// Where a command stands in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Objects and what moves them.
    Objects,
    /// Buckets and listings.
    Buckets,
    /// Who may do what.
    Access,
    /// Rules and tags that belong to a bucket or an object.
    Documents,
    /// How a bucket behaves.
    Settings,
    /// Uploads in parts.
    Uploads,
    /// Distributions of CloudFront.
    CloudFront,
    /// Links, tests and the server.
    Tools,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 8] = [
        Self::Buckets,
        Self::Objects,
        Self::Access,
        Self::Documents,
        Self::Settings,
        Self::Uploads,
        Self::CloudFront,
        Self::Tools,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Objects => "Objects",
            Self::Buckets => "Buckets and listings",
            Self::Access => "Access",
            Self::Documents => "Lifecycle rules, tags and retention",
            Self::Settings => "Settings of buckets",
            Self::Uploads => "Unfinished uploads",
            Self::CloudFront => "CloudFront",
            Self::Tools => "Links, tests and the embedded server",
        }
    }
}

/// A row of the command table.
#[derive(Debug)]
pub struct CommandSpec {
    /// Which command it is.
    pub id: Command,
    /// Its words; the first is the one to show, the others are aliases.
    pub names: &'static [&'static str],
    /// Its parameters, as the help shows them.
    pub usage: &'static str,
    /// What it does, in one sentence without a full stop.
    pub summary: &'static str,
    /// More about it, for its own help page; may be empty.
    pub details: &'static str,
    /// How many parameters it needs at least.
    pub min_args: usize,
    /// How many it takes at most; `None`: any number, which are done in order.
    pub max_args: Option<usize>,
    /// Where it stands in the help.
    pub group: Group,
    /// Whether it talks to a store, or signs, and so needs a key pair.
    pub needs_account: bool,
}

impl CommandSpec {
    /// The word that the help shows.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// The command of that name.
pub fn find(word: &str) -> Option<&'static CommandSpec> {
    COMMANDS.iter().find(|command| command.names.contains(&word))
}

/// The command word that a mistyped one was perhaps meant to be.
pub fn similar(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let guesses = [("delete", "del"), ("remove", "del"), ("list", "ls"), ("copy", "cp"), ("move", "mv")];
    let guesses = guesses.into_iter().chain([("upload", "put"), ("download", "get"), ("presign", "signurl")]);
    if let Some((_, command)) = guesses.into_iter().find(|(other, _)| *other == word) {
        return Some(command);
    }
    let names = COMMANDS.iter().flat_map(|command| command.names.iter().copied());
    let scored = names.map(|name| (strsim::damerau_levenshtein(&word, name), name));
    // At most a third of the letters may be wrong: `lss` is `ls`, `frobnicate` is nothing.
    scored.filter(|(distance, _)| distance * 3 <= word.chars().count()).min().map(|(_, name)| name)
}

macro_rules! commands {
    ($( $id:ident $group:ident $names:expr, $min:literal $(to $max:literal)?, $usage:literal, $summary:literal $(, $details:literal)? $(; $no_account:ident)? )*) => {
        /// Every command, in the order of the help.
        pub const COMMANDS: &[CommandSpec] = &[ $( CommandSpec {
            id: Command::$id,
            names: &$names,
            usage: $usage,
            summary: $summary,
            details: concat!($($details)?),
            min_args: $min,
            max_args: commands!(@most $($max)?),
            group: Group::$group,
            needs_account: commands!(@account $($no_account)?),
        }, )* ];
    };
    (@most $max:literal) => { Some($max) };
    (@most) => { None };
    (@account no_account) => { false };
    (@account) => { true };
}

// Parameter counts measured on s3cmd 2.4.0.
commands! {
    Mb Buckets ["mb"], 1, "s3://BUCKET...", "Make buckets"
    Rb Buckets ["rb"], 1, "s3://BUCKET...", "Remove buckets",
        "A bucket that still holds objects is only removed with --recursive or --force, which delete them first."
    Ls Buckets ["ls"], 0, "[s3://BUCKET[/PREFIX]...]", "List the buckets, or what is in one",
        "A listing stops at the next '/' of the names; with --recursive it goes all the way down. '*' and '?' in the prefix are wildcards."
    La Buckets ["la"], 0 to 0, "", "List what is in every bucket"
    Du Buckets ["du"], 0, "[s3://BUCKET[/PREFIX]...]", "Show how much space objects take",
        "'*' and '?' in the prefix are wildcards."
    Put Objects ["put"], 2, "FILE... s3://BUCKET[/PREFIX]", "Upload files",
        "The object gets the file's name below a bucket or a prefix that ends in '/', else exactly the name given. With --recursive a directory is uploaded under its name, and with '/' after it only what is in it. FILE may be '-' for the standard input."
    Get Objects ["get"], 1, "s3://BUCKET/OBJECT... [LOCAL]", "Download objects",
        "LOCAL is a file, a directory that exists, or '-' for the standard output; without it the object comes into the working directory. '*' and '?' in the object's name are wildcards."
    Sync Objects ["sync"], 2, "SOURCE... DESTINATION", "Make a directory or a prefix like another one",
        "From local files to the store, from the store to local files, or within the store. What is missing at the destination or has another content is transferred; with --delete-removed what the source lacks is deleted. A source directory keeps its name below the destination; with '/' after it only what is in it is meant."
    Del Objects ["del", "rm"], 1, "s3://BUCKET/OBJECT...", "Delete objects",
        "'*' and '?' in the object's name are wildcards. With --recursive everything whose name begins as given is deleted; a whole bucket needs --force as well."
    Cp Objects ["cp"], 2, "s3://BUCKET1/OBJECT1... s3://BUCKET2[/OBJECT2]", "Copy objects within the store"
    Mv Objects ["mv"], 2, "s3://BUCKET1/OBJECT1... s3://BUCKET2[/OBJECT2]", "Move objects within the store",
        "An object is deleted once its copy is complete."
    Info Objects ["info"], 1, "s3://BUCKET[/OBJECT]...", "Show what is known about a bucket or an object"
    Md5sum Objects ["md5sum"], 0, "s3://BUCKET/OBJECT...", "Print MD5 sums, or compare them with a list",
        "The lines are those of the md5sum program. Where the store knows no MD5 sum of a content, the object is read to compute it. With --check, the objects named in a list of such lines are verified."
    Modify Objects ["modify"], 1, "s3://BUCKET/OBJECT...", "Change what is stored with objects",
        "Objects are written anew where they are, with the headers that --add-header, --remove-header, --mime-type, --storage-class and the like ask for. With --recursive everything whose name begins as given is meant."
    Restore Objects ["restore"], 1, "s3://BUCKET/OBJECT...", "Ask for copies of archived objects",
        "The copies come after a while, which --restore-priority decides, and last for --restore-days."
    Setacl Access ["setacl"], 1, "s3://BUCKET[/OBJECT]...", "Change who may read or write",
        "At least one of --acl-public, --acl-private, --acl-grant and --acl-revoke says how. Grants come before revocations. With --recursive the objects are changed, not the bucket."
    Getacl Access ["getacl"], 1, "s3://BUCKET[/OBJECT]...", "Show who may read or write"
    Setpolicy Access ["setpolicy"], 2, "FILE s3://BUCKET...", "Set the policy of buckets from a JSON file",
        "The policy is checked first, and compared with what the store gives back. --dry-run shows what would change."
    Getpolicy Access ["getpolicy"], 1, "s3://BUCKET...", "Show the policy of a bucket"
    Delpolicy Access ["delpolicy"], 1, "s3://BUCKET...", "Delete the policy of a bucket"
    Setlifecycle Documents ["setlifecycle"], 2, "FILE s3://BUCKET...", "Set the lifecycle rules of buckets from an XML file",
        "The rules are checked first, and compared with what the store gives back. --dry-run shows what would change."
    Getlifecycle Documents ["getlifecycle"], 1, "s3://BUCKET...", "Show the lifecycle rules of a bucket"
    Dellifecycle Documents ["dellifecycle"], 1, "s3://BUCKET...", "Delete the lifecycle rules of a bucket"
    Expire Documents ["expire"], 1, "s3://BUCKET...", "Have objects deleted after some days or at a date",
        "The lifecycle rules that are there are replaced by one made of --expiry-days or --expiry-date, and --expiry-prefix; without any of them they are deleted."
    Settagging Documents ["settagging"], 2, "s3://BUCKET[/OBJECT]... KEY=VALUE[&...]", "Set the tags of a bucket or an object",
        "The tags that are there are replaced. Quote the list, because '&' means something to a shell."
    Gettagging Documents ["gettagging"], 1, "s3://BUCKET[/OBJECT]...", "Show the tags of a bucket or an object"
    Deltagging Documents ["deltagging"], 1, "s3://BUCKET[/OBJECT]...", "Delete the tags of a bucket or an object"
    Setobjectlegalhold Documents ["setobjectlegalhold"], 2, "ON|OFF s3://BUCKET/OBJECT...", "Protect objects from deletion until further notice"
    Getobjectlegalhold Documents ["getobjectlegalhold"], 1, "s3://BUCKET/OBJECT...", "Show whether objects are under legal hold"
    Setobjectretention Documents ["setobjectretention"], 3, "MODE DATE s3://BUCKET/OBJECT...", "Protect objects from deletion until a date",
        "MODE is GOVERNANCE or COMPLIANCE; DATE is written as 2030-01-31T12:00:00Z."
    Getobjectretention Documents ["getobjectretention"], 1, "s3://BUCKET/OBJECT...", "Show until when objects are protected"
    Setversioning Settings ["setversioning"], 2, "s3://BUCKET... enable|disable", "Keep old versions of objects, or no longer"
    Getversioning Settings ["getversioning"], 1, "s3://BUCKET...", "Show whether old versions of objects are kept"
    Setownership Settings ["setownership"], 2, "s3://BUCKET... RULE", "Say who owns what others put into a bucket",
        "RULE is BucketOwnerPreferred, BucketOwnerEnforced or ObjectWriter."
    Getownership Settings ["getownership"], 1, "s3://BUCKET...", "Show who owns what others put into a bucket"
    Setblockpublicaccess Settings ["setblockpublicaccess"], 2, "s3://BUCKET... SWITCH[,SWITCH...]", "Keep a bucket from being opened to everybody",
        "The switches are BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy and RestrictPublicBuckets. Those that are not named are switched off; 'none' switches all of them off."
    Getblockpublicaccess Settings ["getblockpublicaccess"], 1, "s3://BUCKET...", "Show what keeps a bucket from being opened to everybody"
    Payer Settings ["payer"], 1, "s3://BUCKET...", "Say who pays for requests",
        "With --requester-pays it is whoever makes them, else the bucket's owner."
    Accesslog Settings ["accesslog"], 1, "s3://BUCKET...", "Show or set where a bucket's access logs go"
    Setcors Settings ["setcors"], 2, "FILE s3://BUCKET...", "Set the cross-origin rules of a bucket from an XML file"
    Getcors Settings ["getcors"], 1, "s3://BUCKET...", "Show the cross-origin rules of a bucket"
    Delcors Settings ["delcors"], 1, "s3://BUCKET...", "Delete the cross-origin rules of a bucket"
    Setnotification Settings ["setnotification"], 2, "FILE s3://BUCKET...", "Set from an XML file who is told of changes in a bucket"
    Getnotification Settings ["getnotification"], 1, "s3://BUCKET...", "Show who is told of changes in a bucket"
    Delnotification Settings ["delnotification"], 1, "s3://BUCKET...", "Tell nobody of changes in a bucket any more"
    WsCreate Settings ["ws-create"], 1, "s3://BUCKET...", "Make websites of buckets"
    WsInfo Settings ["ws-info"], 1, "s3://BUCKET...", "Show how buckets are websites"
    WsDelete Settings ["ws-delete"], 1, "s3://BUCKET...", "Make buckets be websites no more"
    Multipart Uploads ["multipart"], 1, "s3://BUCKET... [ID]", "List unfinished uploads",
        "With an upload id only that upload is listed."
    Listmp Uploads ["listmp"], 2 to 2, "s3://BUCKET/OBJECT ID", "List the parts of an unfinished upload"
    Abortmp Uploads ["abortmp"], 2 to 2, "s3://BUCKET/OBJECT ID", "Give up an unfinished upload and free its space"
    Fixbucket Tools ["fixbucket"], 1, "s3://BUCKET[/PREFIX]...", "Rename objects with control characters in their names",
        "Each control character becomes what s3cmd's put makes of it, such as '^A'. An object is deleted under its old name once its copy is complete; one whose new name exists already stays."
    Cflist CloudFront ["cflist"], 0 to 0, "", "List CloudFront distributions"
    Cfinfo CloudFront ["cfinfo"], 0, "[cf://ID...]", "Show what is known about CloudFront distributions",
        "A distribution can be named by a bucket that it shows, too: s3://BUCKET."
    Cfcreate CloudFront ["cfcreate"], 1, "s3://BUCKET...", "Put CloudFront distributions in front of buckets"
    Cfdelete CloudFront ["cfdelete"], 1, "cf://ID...", "Delete CloudFront distributions",
        "A distribution that is switched on is switched off first, and deleted once all edges know of it, which takes minutes."
    Cfmodify CloudFront ["cfmodify"], 1, "cf://ID...", "Change CloudFront distributions",
        "Only what the options name is changed."
    Cfinval CloudFront ["cfinval"], 1, "s3://BUCKET/OBJECT...", "Have CloudFront forget objects",
        "A bucket, or a name that ends in '/', stands for all that is below; '*' at the end of a name is a wildcard."
    Cfinvalinfo CloudFront ["cfinvalinfo"], 1, "cf://ID[/INVALIDATION]...", "Show how far CloudFront has forgotten objects"
    Signurl Tools ["signurl"], 2, "s3://BUCKET/OBJECT... EXPIRY", "Make a link that works for a while without an account",
        "EXPIRY is +SECONDS, +Nm, +Nh or +Nd from now, a date (2030-01-31 or 2030-01-31T12:00:00Z), or seconds since 1970. Nothing is asked of the server. Links are signed with version 4, which allows 7 days; beyond that, or with signature_v2, with version 2."
    Sign Tools ["sign"], 1 to 1, "STRING", "Sign a text with the secret key"
    Check Tools ["check"], 0 to 1, "[s3://BUCKET]", "Test the connection step by step",
        "Each step prints what it found, and a failure which setting to change. What the test stores it removes again. With --embedded it runs against a private server of its own and needs no account."
    Serve Tools ["serve"], 1 to 1, "DIRECTORY", "Serve a directory as an S3 store, or a part of another store",
        "Buckets are directories, objects are files. With --remote there is no directory: the objects of a bucket of the configured store, or those below a prefix, are served under key pairs of the server's own. Without --auth-file and --auth-key a key pair is made, printed and written into a configuration file that is ready for use."; no_account
    Help Tools ["help"], 0 to 1, "[COMMAND]", "Show this help, or that of one command"; no_account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_row() {
        for command in COMMANDS {
            for name in command.names {
                assert_eq!(find(name).unwrap().id, command.id);
            }
        }
        assert_eq!(find("rm").unwrap().name(), "del");
        assert!(find("PUT").is_none() && find("").is_none());
    }

    #[test]
    fn near_misses_are_guessed_and_others_are_not() {
        for (word, wanted) in [
            ("lss", Some("ls")),
            ("PUT", Some("put")),
            ("delete", Some("del")),
            ("setlifecyle", Some("setlifecycle")),
            ("signrul", Some("signurl")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(similar(word), wanted, "{word}");
        }
    }
}
