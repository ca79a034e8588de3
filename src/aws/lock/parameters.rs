//! The lock's generations as Systems Manager parameters, `/stackctl/<stack>/lock/<generation>`.

use super::{Entry, Fence, Shelf, Standing};
use crate::{
    aws::{Aws, Failure, Sent, Tags, Tolerant, tags},
    engine::Address,
};
use anyhow::Result;
use aws_sdk_ssm::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
        },
    },
    types::{Parameter, ParameterTier, ParameterType},
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::{DateTime, date_time::Format};
use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

/// The parameters of one stack's lock.
#[derive(Clone, Debug)]
pub struct Parameters(Aws);

/// The parameters of a stack.
#[derive(Clone, Debug)]
pub struct Reading {
    /// All of them, whatever they are for.
    pub all: Vec<Parameter>,
    /// How it stands with the lock.
    pub standing: Standing,
}

/// `DeleteParameters` takes at most this many names (AWS API reference).
const NAMES_PER_CALL: usize = 10;

impl Aws {
    /// Where the stack's lock is kept.
    pub fn lock(&self) -> Parameters {
        Parameters(self.clone())
    }

    /// Every parameter of the stack, read once per inventory, the lock's among them.
    ///
    /// # Errors
    /// What AWS refuses.
    pub async fn parameters(&self) -> Result<&Reading> {
        self.survey.parameters.get_or_try_init(|| self.read()).await
    }

    async fn read(&self) -> Result<Reading> {
        let (all, entries) = self.read_below("").await?;
        Ok(Reading { all, standing: Standing::of(entries) })
    }

    async fn read_below(&self, folder: &str) -> Result<(Vec<Parameter>, Vec<Entry>)> {
        let path = format!("/stackctl/{}{folder}", self.stack);
        let date = Date::default();
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let call = self.ssm.get_parameters_by_path().path(&path).recursive(true);
            let call =
                call.set_next_token(next).customize().interceptor(date.clone()).interceptor(Keeper);
            let page = call.send().await.aws()?;
            all.extend(page.parameters.unwrap_or_default());
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        let entries =
            all.iter().filter_map(|parameter| self.entry(parameter, date.now())).collect();
        Ok((all, entries))
    }

    /// A generation of the lock, if that is what the parameter is.
    fn entry(&self, parameter: &Parameter, now: DateTime) -> Option<Entry> {
        let generation = parameter.name()?.strip_prefix(&self.generation(""))?.parse().ok()?;
        let written = parameter.last_modified_date()?;
        let age = now.as_secs_f64() - written.as_secs_f64();
        Some(Entry {
            generation,
            value: parameter.value.clone().unwrap_or_default(),
            age: Duration::try_from_secs_f64(age).unwrap_or_default(),
        })
    }

    fn generation(&self, number: impl std::fmt::Display) -> String {
        format!("/stackctl/{}/lock/{number}", self.stack)
    }
}

impl Shelf for Parameters {
    async fn list(&self) -> Result<Vec<Entry>> {
        Ok(self.0.read_below("/lock").await?.1)
    }

    async fn add(&self, generation: u64, value: String) -> Result<bool> {
        let name = self.0.generation(generation);
        let address = Address { kind: "lock", name: generation.to_string().into() };
        let labels = self.0.labels(&address, &Tags::default());
        let call = self.0.ssm.put_parameter().name(name).value(value).r#type(ParameterType::String);
        let call = call.tier(ParameterTier::Standard).description("Who may write to the stack");
        let call = call.set_tags(Some(tags::for_ssm(&labels)));
        let added =
            unless_busy(async || call.clone().customize().interceptor(Keeper).send().await.aws());
        match added.await {
            // Whoever wants the lock looks again and tries again.
            Err(failure) if failure.is_busy_parameter() => Ok(false),
            answer => Ok(answer.or_code(&["ParameterAlreadyExists"])?.is_some()),
        }
    }

    async fn overwrite(&self, generation: u64, value: String) -> Result<()> {
        let name = self.0.generation(generation);
        let call = self.0.ssm.put_parameter().name(name).value(value).r#type(ParameterType::String);
        // Without a tier it would take the account's default one, which may cost money.
        let call = call.overwrite(true).tier(ParameterTier::Standard);
        unless_busy(|| {
            let call = call.clone().customize().interceptor(Keeper);
            async { call.send().await.aws() }
        })
        .await?;
        Ok(())
    }

    fn fence(&self) -> Fence {
        self.0.fence.clone()
    }

    async fn remove(&self, generations: Vec<u64>) -> Result<()> {
        for some in generations.chunks(NAMES_PER_CALL) {
            let names = some.iter().map(|generation| self.0.generation(generation)).collect();
            let call = self.0.ssm.delete_parameters().set_names(Some(names));
            call.customize().interceptor(Keeper).send().await.aws()?;
        }
        Ok(())
    }
}

/// How often a parameter is written that another call is changing, and the pause in between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// Repeats a call that writes a parameter while another call changes the same one: of two runs that
/// make one generation at once, AWS may refuse the later one so.
async fn unless_busy<T, F>(call: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    for _ in 1..TRIES {
        match call().await {
            Err(failure) if failure.is_busy_parameter() => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
    call().await
}

/// Marks the calls that keep the lock, which pass where it is in doubt.
#[derive(Clone, Copy, Debug)]
pub struct Keeper;

impl Intercept for Keeper {
    fn name(&self) -> &'static str {
        "Keeper"
    }

    fn modify_before_transmit(
        &self,
        call: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        call.request_mut().add_extension(*self);
        Ok(())
    }
}

/// AWS's clock, as an answer tells it: this machine's own may be wrong.
#[derive(Clone, Debug, Default)]
struct Date(Arc<OnceLock<DateTime>>);

impl Date {
    fn now(&self) -> DateTime {
        self.0.get().copied().unwrap_or_else(|| SystemTime::now().into())
    }
}

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "Date"
    }

    fn read_after_deserialization(
        &self,
        answer: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = answer.response().headers().get("date");
        if let Some(date) = date.and_then(|d| DateTime::from_str(d, Format::HttpDate).ok()) {
            self.0.set(date).ok();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
