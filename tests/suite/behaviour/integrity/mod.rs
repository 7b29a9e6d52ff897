//! Every byte that is sent or received is verified, as far as the service allows it.

mod checksum_algorithm;
mod downloads;
mod swift_segments;
mod uploads;
