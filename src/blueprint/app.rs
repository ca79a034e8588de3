//! The instances: what they run, what they are told, what they may do, and how requests reach them.

use super::{
    Facts, Sheet,
    boot::{self, Boot},
    data::Stores,
    edge::Edge,
    network::Network,
    security::Groups,
};
use crate::{
    engine::{Ref, Sealed, graph::Member, sealed::digest},
    kinds::{
        DynamodbTable, Instance, InstanceRole, Parameter, RolePolicy, Secret, Target,
        dynamodb_table::{self, Key, TimeToLive},
        instance::{self, Marked, Metadata, Placement, USER_DATA_LIMIT},
        instance_role::{Attached, Boundary, policy::Leave},
        parameter::{self, Environment, Generated, SESSION_TABLE_VARIABLE},
        secret,
    },
    spec::{self, Architecture, CacheEngine, Spec, Store},
};
use anyhow::{Result, ensure};

/// The name of the secret that signs sessions in tokens.
pub(super) const SESSION_KEY: &str = "session-key";

pub(super) fn draw(
    sheet: &mut Sheet,
    network: &Network,
    groups: &Groups,
    stores: &Stores,
    edge: &Edge,
) -> Result<()> {
    let (role, leave) = role(sheet, stores);
    let session_key = keeps_tokens(sheet.spec).then(|| {
        let secret = Secret { tags: sheet.tags() };
        sheet.add(SESSION_KEY, secret)
    });
    let table = sheet.spec.sessions.table.clone().map(|table| {
        let wanted = DynamodbTable {
            key: Key::string(&table.partition_key),
            ttl: TimeToLive(Some(table.ttl_attribute)),
            on_demand: true,
            point_in_time_recovery: true,
            tags: sheet.tags(),
        };
        sheet.add(dynamodb_table::SESSIONS, wanted)
    });
    let environment = environment(sheet.spec);
    let secrets = Environment(sheet.spec.app.secrets.clone());
    let generation = generation(sheet.spec, &environment, &secrets);
    let user_data = user_data(sheet, &generation)?;
    let parameter = Parameter {
        generation,
        environment,
        secrets,
        cache: stores.cache.clone(),
        database: stores.database.clone(),
        session_key,
        table,
        generated: Generated::default(),
        leave,
        tags: sheet.tags(),
    };
    let parameter = sheet.add("app", parameter);

    for index in 0..usize::from(sheet.spec.app.instances) {
        let name = format!("app-{}", index + 1);
        let instance = instance(sheet, network, groups, &role, index, &user_data);
        let (group, listener) = (edge.group.clone(), edge.listener.clone());
        let port = sheet.spec.app.port;
        let surge = usize::from(sheet.spec.app.surge);
        sheet.graph.member_of(Member { set: "app".into(), index, surge }, |graph| {
            let instance = graph.add(&name, instance);
            let (listeners, parameter) = (vec![listener], Some(parameter.clone()));
            graph.add(&name, Target { group, instance, port, listeners, parameter })
        });
    }
    Ok(())
}

/// Leave to read what the app is told, and the secrets it is told of. The database's own secret
/// is not known before RDS has made it, so that leave is granted apart.
fn role(sheet: &mut Sheet, stores: &Stores) -> (Ref<InstanceRole>, Option<Ref<RolePolicy>>) {
    let Facts { partition, region, account, .. } = sheet.facts;
    let own_table = sheet.spec.sessions.table.as_ref().map(|_| {
        let name = dynamodb_table::name(&sheet.spec.name);
        format!("arn:{partition}:dynamodb:{region}:{account}:table/{name}")
    });
    let own_secret = keeps_tokens(sheet.spec).then(|| {
        let name = secret::name(&sheet.spec.name);
        format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????")
    });
    let app = &sheet.spec.app;
    let secrets = app.secrets.values().chain(&app.registry_secret);
    let secrets: Vec<_> = secrets.map(|arn| spec::secret_of(arn)).collect();
    let leave = Leave {
        partition,
        region,
        account,
        parameter: &parameter::name(&sheet.spec.name),
        secrets: &secrets,
        own_secret: own_secret.as_deref(),
        own_table: own_table.as_deref(),
        statements: &app.statements,
        image: &sheet.spec.app.image,
    };
    let policy = leave.document();
    let tags = sheet.tags();
    let spec::Role { path, permissions_boundary } = sheet.spec.app.role.clone();
    let boundary = Boundary::wanted(permissions_boundary);
    let managed_policies = Attached(app.policies.iter().cloned().collect());
    let wanted = InstanceRole { policy, path, boundary, managed_policies, profile: true, tags };
    let role = sheet.add("app", wanted);
    let leave = stores.database.clone().map(|database| {
        let policy = RolePolicy { role: role.clone(), database, document: None };
        sheet.add("database", policy)
    });
    (role, leave)
}

fn keeps_tokens(spec: &Spec) -> bool {
    spec.sessions.store == Store::Token
}

/// What the app is told, but for what only AWS knows: the endpoints.
fn environment(spec: &Spec) -> Environment {
    let ours = [
        ("PORT".to_owned(), spec.app.port.to_string()),
        ("SESSION_STORE".to_owned(), spec.sessions.store.as_str().to_owned()),
    ];
    // Its clients speak plain unless they are told, unlike those that take a `rediss://`.
    let memcached = spec.cache.as_ref().filter(|cache| cache.engine == CacheEngine::Memcached);
    let tls = memcached
        .map(|cache| ("MEMCACHED_TLS".to_owned(), if cache.tls { "1" } else { "0" }.to_owned()));
    let table = spec
        .sessions
        .table
        .as_ref()
        .map(|_| (SESSION_TABLE_VARIABLE.to_owned(), dynamodb_table::name(&spec.name)));
    Environment(ours.into_iter().chain(tls).chain(table).chain(spec.app.env.clone()).collect())
}

/// A digest of all that the app is told. Endpoints count by what kind of store they lead to: a new
/// address of the same cache, or Valkey in place of Redis behind it, is no reason to start the
/// instances anew.
fn generation(spec: &Spec, environment: &Environment, secrets: &Environment) -> String {
    let cache = spec.cache.as_ref().map_or("", |cache| match cache.engine {
        CacheEngine::Valkey | CacheEngine::Redis => "replication group",
        CacheEngine::Memcached => "cache cluster",
    });
    let database = spec
        .database
        .as_ref()
        .map_or("", |database| if database.engine.is_aurora() { "cluster" } else { "instance" });
    // Debug text of a map of texts is unambiguous: it quotes.
    digest(format!("{:?}\n{:?}\n{cache}\n{database}", environment.0, secrets.0))
}

fn user_data(sheet: &Sheet, generation: &str) -> Result<String> {
    let spec = sheet.spec;
    let user_data = boot::user_data(&Boot {
        stack: spec.name.clone(),
        region: sheet.facts.region.clone(),
        image: spec.app.image.clone(),
        port: spec.app.port,
        parameter: parameter::name(&spec.name),
        generation: generation.to_owned(),
        registry_secret: spec.app.registry_secret.clone().unwrap_or_default(),
        command: spec.app.command.clone(),
    });
    ensure!(
        user_data.len() <= USER_DATA_LIMIT,
        "the boot script has {} bytes, and EC2 takes {USER_DATA_LIMIT}; shorten \
         app.image or app.command",
        user_data.len(),
    );
    Ok(user_data)
}

/// The instances take turns among the zones.
fn instance(
    sheet: &Sheet,
    network: &Network,
    groups: &Groups,
    role: &Ref<InstanceRole>,
    index: usize,
    user_data: &str,
) -> Instance {
    let (app, tier) = (&sheet.spec.app, &network.app);
    let zone = index % tier.subnets.len();
    Instance {
        image: app.image.clone(),
        // It holds the generation, so what the app is told is sealed with it.
        boot: Sealed::Open(user_data.to_owned()),
        user_data: user_data.to_owned(),
        instance_type: app.instance_type.clone(),
        architecture: match app.architecture() {
            Architecture::X86_64 => instance::Architecture::X86_64,
            Architecture::Arm64 => instance::Architecture::Arm64,
        },
        ami: app.ami.clone(),
        placement: Placement {
            preferred: tier.subnets[zone].clone(),
            allowed: tier.subnets.clone(),
        },
        security_groups: vec![groups.app.clone()],
        role: role.clone(),
        public_ip: tier.is_public,
        route: Some(tier.routes[zone].clone()),
        endpoints: network.endpoints.clone(),
        running: true,
        metadata: Metadata::default(),
        marked: Marked::default(),
        tags: sheet.tags(),
    }
}
