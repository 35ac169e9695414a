//! Permesso.

pub mod cli {
    //! scratch
    pub mod sample_upstream;
}
pub mod process;
pub mod upstream;
