//! One file per subcommand. A command holds no protocol and no loops over bytes: it reads like the sentence that
//! describes it and leaves the rest to `transfer` and the client.

pub mod abortmp;
pub mod accesslog;
pub mod cfcreate;
pub mod cfdelete;
pub mod cfinfo;
pub mod cfinval;
pub mod cfinvalinfo;
pub mod cflist;
pub mod cfmodify;
pub mod check;
pub mod complete;
pub mod configure;
pub mod cp;
pub mod del;
pub mod delcors;
pub mod dellifecycle;
pub mod delnotification;
pub mod delpolicy;
pub mod deltagging;
pub mod du;
pub mod expire;
pub mod fixbucket;
pub mod get;
pub mod getacl;
pub mod getblockpublicaccess;
pub mod getcors;
pub mod getlifecycle;
pub mod getnotification;
pub mod getobjectlegalhold;
pub mod getobjectretention;
pub mod getownership;
pub mod getpolicy;
pub mod gettagging;
pub mod getversioning;
pub mod info;
pub mod la;
pub mod listmp;
pub mod ls;
pub mod mb;
pub mod md5sum;
pub mod modify;
pub mod multipart;
pub mod mv;
pub mod payer;
pub mod put;
pub mod rb;
pub mod restore;
#[cfg(feature = "serve")]
pub mod serve;
pub mod setacl;
pub mod setblockpublicaccess;
pub mod setcors;
pub mod setlifecycle;
pub mod setnotification;
pub mod setobjectlegalhold;
pub mod setobjectretention;
pub mod setownership;
pub mod setpolicy;
pub mod settagging;
pub mod setversioning;
pub mod shared;
pub mod sign;
pub mod signurl;
pub mod sync;
pub mod ws_create;
pub mod ws_delete;
pub mod ws_info;

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
