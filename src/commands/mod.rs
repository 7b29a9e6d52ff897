//! One file per subcommand. A command holds no protocol and no loops over bytes: it reads like the sentence that
//! describes it and leaves the rest to `transfer` and the client.

pub(crate) mod abortmp;
pub(crate) mod accesslog;
pub(crate) mod cfcreate;
pub(crate) mod cfdelete;
pub(crate) mod cfinfo;
pub(crate) mod cfinval;
pub(crate) mod cfinvalinfo;
pub(crate) mod cflist;
pub(crate) mod cfmodify;
pub mod check;
pub mod complete;
pub mod configure;
pub(crate) mod cp;
pub(crate) mod del;
pub(crate) mod delcors;
pub(crate) mod dellifecycle;
pub(crate) mod delnotification;
pub(crate) mod delpolicy;
pub(crate) mod deltagging;
pub(crate) mod du;
pub(crate) mod expire;
pub(crate) mod fixbucket;
pub(crate) mod get;
pub(crate) mod getacl;
pub(crate) mod getblockpublicaccess;
pub(crate) mod getcors;
pub(crate) mod getlifecycle;
pub(crate) mod getnotification;
pub(crate) mod getobjectlegalhold;
pub(crate) mod getobjectretention;
pub(crate) mod getownership;
pub(crate) mod getpolicy;
pub(crate) mod gettagging;
pub(crate) mod getversioning;
pub(crate) mod info;
pub(crate) mod la;
pub(crate) mod listmp;
pub(crate) mod ls;
pub(crate) mod mb;
pub(crate) mod md5sum;
pub(crate) mod modify;
pub(crate) mod multipart;
pub(crate) mod mv;
pub(crate) mod payer;
pub(crate) mod put;
pub(crate) mod rb;
pub(crate) mod restore;
#[cfg(feature = "serve")]
pub(crate) mod serve;
pub(crate) mod setacl;
pub(crate) mod setblockpublicaccess;
pub(crate) mod setcors;
pub(crate) mod setlifecycle;
pub(crate) mod setnotification;
pub(crate) mod setobjectlegalhold;
pub(crate) mod setobjectretention;
pub(crate) mod setownership;
pub(crate) mod setpolicy;
pub(crate) mod settagging;
pub(crate) mod setversioning;
pub(crate) mod shared;
pub(crate) mod sign;
pub(crate) mod signurl;
pub(crate) mod sync;
pub(crate) mod ws_create;
pub(crate) mod ws_delete;
pub(crate) mod ws_info;

use crate::cli::Command;
use crate::config::Settings;
use crate::output::{Exit, Failure, Outcome};
use shared::context::Context;
use std::ffi::OsString;

/// Runs a command.
pub fn run(command: Command, settings: Settings, args: &[OsString]) -> Outcome {
    shared::hosts::log(&settings);
    let cx = &Context::new(settings)?;
    let object_with_version = shared::versions::check(command, cx, args)?;
    shared::hosts::check(command, cx, args)?;
    shared::runtime::run(command, async {
        let cx = &Context::with_keys(cx).await?;
        // Signing a URL sends no request.
        if let Some(uri) = object_with_version.filter(|_| command != Command::Signurl) {
            shared::versions::check_exists(cx, &uri).await?;
        }
        let outcome = match command {
            Command::Abortmp => abortmp::run(cx, args).await,
            Command::Accesslog => accesslog::run(cx, args).await,
            Command::Cfcreate => cfcreate::run(cx, args).await,
            Command::Cfdelete => cfdelete::run(cx, args).await,
            Command::Cfinfo => cfinfo::run(cx, args).await,
            Command::Cfinval => cfinval::run(cx, args).await,
            Command::Cfinvalinfo => cfinvalinfo::run(cx, args).await,
            Command::Cflist => cflist::run(cx, args).await,
            Command::Cfmodify => cfmodify::run(cx, args).await,
            Command::Check => check::run(cx, args).await,
            Command::Cp => cp::run(cx, args).await,
            Command::Del => del::run(cx, args).await,
            Command::Delcors => delcors::run(cx, args).await,
            Command::Dellifecycle => dellifecycle::run(cx, args).await,
            Command::Delnotification => delnotification::run(cx, args).await,
            Command::Delpolicy => delpolicy::run(cx, args).await,
            Command::Deltagging => deltagging::run(cx, args).await,
            Command::Du => du::run(cx, args).await,
            Command::Expire => expire::run(cx, args).await,
            Command::Fixbucket => fixbucket::run(cx, args).await,
            Command::Get => get::run(cx, args).await,
            Command::Getacl => getacl::run(cx, args).await,
            Command::Getblockpublicaccess => getblockpublicaccess::run(cx, args).await,
            Command::Getcors => getcors::run(cx, args).await,
            Command::Getlifecycle => getlifecycle::run(cx, args).await,
            Command::Getnotification => getnotification::run(cx, args).await,
            Command::Getobjectlegalhold => getobjectlegalhold::run(cx, args).await,
            Command::Getobjectretention => getobjectretention::run(cx, args).await,
            Command::Getownership => getownership::run(cx, args).await,
            Command::Getpolicy => getpolicy::run(cx, args).await,
            Command::Gettagging => gettagging::run(cx, args).await,
            Command::Getversioning => getversioning::run(cx, args).await,
            Command::Info => info::run(cx, args).await,
            Command::La => la::run(cx, args).await,
            Command::Listmp => listmp::run(cx, args).await,
            Command::Ls => ls::run(cx, args).await,
            Command::Mb => mb::run(cx, args).await,
            Command::Md5sum => md5sum::run(cx, args).await,
            Command::Modify => modify::run(cx, args).await,
            Command::Multipart => multipart::run(cx, args).await,
            Command::Mv => mv::run(cx, args).await,
            Command::Payer => payer::run(cx, args).await,
            Command::Put => put::run(cx, args).await,
            Command::Rb => rb::run(cx, args).await,
            Command::Restore => restore::run(cx, args).await,
            #[cfg(feature = "serve")]
            Command::Serve => serve::run(cx, args).await,
            #[cfg(not(feature = "serve"))]
            Command::Serve => {
                Err(Failure::new(Exit::USAGE, "This program was built without the embedded server"))
            }
            Command::Setacl => setacl::run(cx, args).await,
            Command::Setblockpublicaccess => setblockpublicaccess::run(cx, args).await,
            Command::Setcors => setcors::run(cx, args).await,
            Command::Setlifecycle => setlifecycle::run(cx, args).await,
            Command::Setnotification => setnotification::run(cx, args).await,
            Command::Setobjectlegalhold => setobjectlegalhold::run(cx, args).await,
            Command::Setobjectretention => setobjectretention::run(cx, args).await,
            Command::Setownership => setownership::run(cx, args).await,
            Command::Setpolicy => setpolicy::run(cx, args).await,
            Command::Settagging => settagging::run(cx, args).await,
            Command::Setversioning => setversioning::run(cx, args).await,
            Command::Sign => sign::run(cx, args).await,
            Command::Signurl => signurl::run(cx, args).await,
            Command::Sync => sync::run(cx, args).await,
            Command::WsCreate => ws_create::run(cx, args).await,
            Command::WsDelete => ws_delete::run(cx, args).await,
            Command::WsInfo => ws_info::run(cx, args).await,
            other => Err(Failure::new(Exit::USAGE, format!("Invalid command: {other:?}"))),
        };
        cx.save_cache();
        outcome.map_err(|failure| shared::hint::add(command, cx, failure))
    })
}
