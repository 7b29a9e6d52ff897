//! Tests of single commands. A file is named after its command, or after the first of a group: `setpolicy` also has the
//! tests of `getpolicy` and `delpolicy`.

mod accesslog;
mod check;
mod cloudfront;
mod completions;
mod configure;
mod cp;
mod del;
mod du;
mod expire;
mod fixbucket;
mod get;
mod help;
mod info;
mod ls;
mod mb;
mod md5sum;
mod modify;
mod multipart;
mod mv;
mod object_lock;
mod put;
mod rb;
mod restore;
mod setacl;
mod setlifecycle;
mod setnotification;
mod setownership;
mod setpolicy;
mod settagging;
mod setversioning;
mod signurl;
mod sync;
mod ws_create;
