//! Everything that is encrypted under the master key. [`keys`] reads the master key and derives one key for each use,
//! [`cipher`] seals and opens bytes with them. Where sealed bytes are stored is not known here.

pub mod cipher;
pub mod keys;

pub use cipher::{OpenError, Purpose, Sealer};
pub use keys::{KeyError, KeyUse, MasterKey};
