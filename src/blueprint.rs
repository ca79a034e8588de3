//! What a stack file means in AWS's terms.

pub mod boot;
