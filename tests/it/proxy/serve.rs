//! The way of a call through the proxy.

use super::{
    ambush::{Ambush, Moment},
    answers::{self, Refusal},
    call::Call,
    http::{self, Answer, Request, Wire},
    memory::Memory,
    record::{Befell, Record},
    things::Things,
    weather::{Fault, Weather},
};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Instant,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::sleep,
};

/// What all connections share.
pub(super) struct Shared {
    /// Host and port of the emulator.
    pub(super) upstream: String,
    pub(super) began: Instant,
    pub(super) state: Mutex<State>,
    /// Told whenever a call is over.
    pub(super) over: Condvar,
}

/// What changes from call to call.
pub(super) struct State {
    pub(super) weather: Weather,
    pub(super) calls: u64,
    pub(super) in_flight: u64,
    pub(super) log: Vec<Arc<Record>>,
    pub(super) ambush: Option<Ambush>,
    pub(super) memory: Memory,
    pub(super) things: Things,
}

/// What the client gets.
enum End {
    Told(Answer),
    Cut { harshly: bool },
    Silence,
}

/// Serves until the other end of `stop` is gone.
pub(super) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    mut stop: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stop => return,
            Ok((stream, _)) = listener.accept() => {
                tokio::spawn(converse(shared.clone(), stream));
            }
        }
    }
}

/// One connection, from its first request to its end.
async fn converse(shared: Arc<Shared>, stream: TcpStream) {
    // Small answers are not held back to be sent together.
    let _ = stream.set_nodelay(true);
    let mut wire = Wire::new(stream);
    while let Ok(Some(request)) = wire.request().await {
        match shared.handle(&request).await {
            End::Told(answer) => {
                if wire.tell(&request, &answer).await.is_err() || !request.stays {
                    return;
                }
            }
            End::Cut { harshly } => return wire.cut(harshly),
            End::Silence => while let Ok(Some(_)) = wire.request().await {},
        }
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the state")
    }

    async fn handle(&self, request: &Request) -> End {
        let call = Call::of(request);
        let began = self.began.elapsed();
        let (number, forecast) = {
            let mut state = self.state();
            state.calls += 1;
            state.in_flight += 1;
            (state.calls, state.weather.next(&call, began))
        };
        let mut record = Record {
            number,
            call: call.name(),
            fault: None,
            status: None,
            error: None,
            heard: false,
            began,
            took: began,
            target: request.target.clone(),
            request: request.body.clone(),
            answer: Vec::new(),
        };
        let half = forecast.delay / 2;
        sleep(half).await;
        let answer = if self.struck(number, Moment::Before).await {
            record.fault = Some(Befell::Killed);
            None
        } else {
            let answer = self.answer(&call, request, forecast.fault, &mut record).await;
            sleep(half).await;
            if self.struck(number, Moment::After).await {
                record.fault = Some(Befell::Killed);
            }
            answer
        };
        record.took = self.began.elapsed().saturating_sub(began);
        record.error = answer.as_ref().and_then(answers::code);
        record.answer = answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
        let end = match (record.fault, answer) {
            (Some(Befell::Killed), _) => End::Silence,
            (Some(Befell::LostCall | Befell::LostAnswer | Befell::NoUpstream), _) | (_, None) => {
                End::Cut { harshly: forecast.coin }
            }
            (_, Some(answer)) => End::Told(answer),
        };
        if let End::Told(answer) = &end {
            record.status = Some(answer.status);
        }
        let mut state = self.state();
        state.log.push(Arc::new(record));
        state.in_flight -= 1;
        drop(state);
        self.over.notify_all();
        end
    }

    /// Strikes if this is the call and the moment for it.
    async fn struck(&self, number: u64, moment: Moment) -> bool {
        let due = |ambush: &mut Ambush| ambush.at == number && ambush.moment == moment;
        let Some(ambush) = self.state().ambush.take_if(due) else { return false };
        // The victim may not be known yet, and others go on meanwhile.
        let _ = tokio::task::spawn_blocking(ambush.strike).await;
        true
    }

    /// What there is to tell, and in the record what befell the call.
    async fn answer(
        &self,
        call: &Call,
        request: &Request,
        fault: Option<Fault>,
        record: &mut Record,
    ) -> Option<Answer> {
        let refused = match &fault {
            Some(Fault::Throttle) => Some((Befell::Throttled, Refusal::throttled(call))),
            Some(Fault::Internal) => Some((Befell::Error, Refusal::internal(call))),
            Some(Fault::Unavailable) => Some((Befell::Error, Refusal::unavailable(call))),
            Some(Fault::Refuse(refusal)) => Some((Befell::Refused, refusal.clone())),
            _ => self.state().memory.misses(call).map(|refusal| (Befell::NotFound, refusal)),
        };
        if fault == Some(Fault::LoseCall) {
            record.fault = Some(Befell::LostCall);
            return None;
        }
        if let Some((befell, refusal)) = refused {
            record.fault = Some(befell);
            return Some(refusal.answer(call));
        }
        let old = call.is_read().then(|| self.state().memory.recalls(call, request)).flatten();
        let answer = if let Some(old) = old {
            record.fault = Some(Befell::Stale);
            old
        } else {
            record.heard = true;
            let Ok(answer) = self.forward(call, request).await else {
                record.fault = Some(Befell::NoUpstream);
                return None;
            };
            answer
        };
        if fault == Some(Fault::LoseAnswer) {
            record.fault = Some(Befell::LostAnswer);
        }
        Some(answer)
    }

    /// Asks the emulator, and learns and rewrites what it says.
    async fn forward(&self, call: &Call, request: &Request) -> std::io::Result<Answer> {
        let mut answer = http::ask(&self.upstream, request).await?;
        let asides = {
            let state = &mut *self.state();
            let now = self.began.elapsed();
            let fates = &state.weather.fates;
            let asides = state.things.rewrite(call, &mut answer, fates, now);
            let patience = (state.weather.newborn, state.weather.stale);
            state.memory.learn(call, request, &answer, patience);
            asides
        };
        for body in asides {
            let aside = Request { body: body.into_bytes(), ..request.clone() };
            http::ask(&self.upstream, &aside).await?;
        }
        Ok(answer)
    }
}
