//! Whether the faulty AWS is as faulty as it says: asked in plain HTTP, before a toy AWS.

mod binary;
mod deaths;
mod faults;
mod memory;
mod states;
mod toy;
mod wire;

use super::{Proxy, Weather};
use toy::{Client, Toy};

/// A proxy with this weather before a toy AWS that answers each call with what this makes of it.
fn before_toy(
    weather: Weather,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (Toy, Proxy, Client) {
    let toy = Toy::start(move |request| toy::ok(&answer(request)));
    let proxy = Proxy::start(&toy.endpoint, weather);
    let client = Client::of(proxy.endpoint());
    (toy, proxy, client)
}

/// A proxy with this weather before a toy AWS that says yes to everything.
fn before_yes(weather: Weather) -> (Toy, Proxy, Client) {
    before_toy(weather, |_| "<Yes/>".into())
}
