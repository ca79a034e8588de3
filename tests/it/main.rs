//! The tests that look at stackctl from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod boot_script;
mod built;
mod changes;
mod cli;
mod cloud;
mod documents;
mod economy;
mod emulator;
mod honest;
mod lifecycle;
mod locks;
mod mistakes;
mod neighbours;
mod permissions;
mod plans;
mod proxy;
mod refusals;
mod reliability;
mod roll;
mod rolls;
mod secrets;
mod shell;
mod stackctl;
mod toggle;
mod twin;
mod verify;
mod walls;
