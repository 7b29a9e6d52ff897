//! Moving many objects: plan -> run -> verify, local and remote on either side.

pub mod pool;
