//! Every byte that is sent or received is verified, as far as the service allows it.

mod checksum_algorithm;
mod copies;
mod downloads;
mod proxies;
mod swift_segments;
mod uploads;
