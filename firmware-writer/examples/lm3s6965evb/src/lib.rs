//! What the programs of this board share.
#![no_std]

pub mod board;
pub mod oracle;
pub mod records;
pub mod size;

pub use board::Interrupt as interrupt;
