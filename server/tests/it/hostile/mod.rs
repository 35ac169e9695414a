//! A hostile caller and a hostile upstream at a process of its own, with little memory: whatever they send, the process
//! lives, answers others meanwhile and does not grow.

mod generate;
mod process;
mod schemas;
mod stored;
mod upstream;
