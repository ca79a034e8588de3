//! One request: to whom, with which headers, and back, with which cookies.

use super::{
    Shared,
    cookies::{self, Binding},
    headers, own,
    pool::{InFlight, Stage},
    wanted::{Action, FixedResponse, Listener, Redirect},
};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    upgrade::{OnUpgrade, on as upgrade},
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{io::copy_bidirectional, time::timeout};

/// A body of either side.
pub(super) type Body = BoxBody<Bytes, hyper::Error>;
/// What asks targets.
pub(super) type Client = legacy::Client<HttpConnector, Body>;

pub(super) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Duration::from_secs(10)));
    legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(4))
        .build(connector)
}

/// A body that is known already.
pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// What a listener answers to a request.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    listener: &Listener,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let mut answer = match &listener.action {
        Action::Forward(group) => forward(shared, listener, group, peer, request).await,
        Action::Redirect(to) => redirect(to, listener, &request),
        Action::FixedResponse(fixed) => fixed_response(fixed),
    };
    if let Some(Ok(value)) = listener.hsts.as_ref().map(HeaderValue::try_from) {
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    answer
}

async fn forward(
    shared: &Arc<Shared>,
    listener: &Listener,
    group: &str,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let Some(group) = shared.group(group) else { return own(StatusCode::SERVICE_UNAVAILABLE) };
    let (sticky, seal) = (group.wanted.stickiness.as_ref(), shared.seal());
    let bound = sticky.and_then(|sticky| seal.bound(&group.name, sticky, request.headers()));
    let Some(taken) = group.choose(bound.as_deref()) else {
        return own(StatusCode::SERVICE_UNAVAILABLE);
    };
    let kind = request.headers().get(header::UPGRADE).cloned();
    let client_side = kind.is_some().then(|| upgrade(&mut request));
    let Some(request) = for_target(listener, &taken, peer, request, kind) else {
        return own(StatusCode::BAD_REQUEST);
    };
    let asked = timeout(Duration::from_secs(listener.idle_timeout), shared.client.request(request));
    let mut answer = tokio::select! {
        answer = asked => match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => return own(StatusCode::BAD_GATEWAY),
            Err(_) => return own(StatusCode::GATEWAY_TIMEOUT),
        },
        () = taken.0.reached(Stage::Cut) => return own(StatusCode::BAD_GATEWAY),
    };
    if let Some(stickiness) = sticky {
        let target = taken.0.id.as_str();
        let set = cookies::set(answer.headers());
        let (was_bound, https) = (bound.as_deref() == Some(target), listener.certificate.is_some());
        let with = Binding { stickiness, target, was_bound, https, set };
        seal.bind(&group.name, &with, answer.headers_mut());
    }
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        if let Some(client_side) = client_side {
            let target_side = upgrade(&mut answer);
            tokio::spawn(join(client_side, target_side, taken));
        }
        return answer.map(BodyExt::boxed);
    }
    headers::strip(answer.headers_mut());
    // It is in flight until the last byte has gone.
    answer.map(move |body| {
        body.map_frame(move |frame| {
            let _ = &taken;
            frame
        })
        .boxed()
    })
}

/// The request as the target gets it.
fn for_target(
    listener: &Listener,
    taken: &InFlight,
    peer: SocketAddr,
    request: Request<Incoming>,
    kind: Option<HeaderValue>,
) -> Option<Request<Body>> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let at = taken.0.address.as_str();
    let uri = Uri::builder().scheme("http").authority(at).path_and_query(path).build().ok()?;
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    parts.version = hyper::Version::HTTP_11;
    headers::strip(&mut parts.headers);
    if listener.drop_invalid_headers {
        headers::drop_invalid(&mut parts.headers);
    }
    if let Some(kind) = kind {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(header::UPGRADE, kind);
    }
    let https = listener.certificate.is_some();
    headers::forwarded(&mut parts.headers, peer.ip(), https, listener.port);
    Some(Request::from_parts(parts, body.boxed()))
}

/// A WebSocket: bytes both ways until one side ends, or its target is drained.
async fn join(client: OnUpgrade, target: OnUpgrade, taken: InFlight) {
    let (Ok(client), Ok(target)) = (client.await, target.await) else { return };
    let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut target) => {}
        () = taken.0.reached(Stage::Cut) => {}
    }
}

fn redirect(to: &Redirect, listener: &Listener, request: &Request<Incoming>) -> Response<Body> {
    let sent = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = sent.unwrap_or("localhost");
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let protocol = if listener.certificate.is_some() { "HTTPS" } else { "HTTP" };
    let fill = |part: &str| {
        part.replace("#{protocol}", protocol)
            .replace("#{host}", host)
            .replace("#{port}", &listener.port.to_string())
            .replace("#{path}", request.uri().path().trim_start_matches('/'))
            .replace("#{query}", request.uri().query().unwrap_or_default())
    };
    let scheme = fill(&to.protocol).to_lowercase();
    // A listener has another port on this machine than it has on AWS.
    let port = fill(&to.port);
    let here = port.parse().ok().and_then(|port: u16| listener.here.get(&port));
    let port = here.map_or(port, ToString::to_string);
    let query = fill(&to.query);
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let location = format!("{scheme}://{}:{port}{}{query}", fill(&to.host), fill(&to.path));
    let status = StatusCode::from_u16(to.status).unwrap_or(StatusCode::FOUND);
    let mut response = own(status);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn fixed_response(fixed: &FixedResponse) -> Response<Body> {
    let status = StatusCode::from_u16(fixed.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = own(status);
    if let Ok(kind) = HeaderValue::try_from(&fixed.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response.map(|_| whole(Bytes::from(fixed.body.clone())))
}
