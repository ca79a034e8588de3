//! `stackctl`: one YAML file becomes a whole AWS stateful web tier, and goes away again.

pub mod aws;
pub mod balancer;
pub mod blueprint;
pub mod cli;
pub mod cost;
pub mod engine;
pub mod kinds;
pub mod localstack;
pub mod probe;
pub mod sessions;
pub mod spec;
pub mod ui;
