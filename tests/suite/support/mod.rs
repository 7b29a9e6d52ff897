//! Helpers of the suite: a world for each test, runs of the program, stand-in services and proxies.

pub(crate) mod bytes;
pub(crate) mod configure;
pub(crate) mod env;
pub(crate) mod fault_proxy;
pub(crate) mod filters;
pub(crate) mod gpg;
pub(crate) mod hostile;
pub(crate) mod http;
pub(crate) mod interrupting_proxy;
pub(crate) mod normalise;
pub(crate) mod notice;
pub(crate) mod random;
pub(crate) mod random_trees;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod skip;
pub(crate) mod snapshot;
pub(crate) mod stub;
