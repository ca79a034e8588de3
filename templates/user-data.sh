#!/bin/bash
# Brings up the app on this instance. cloud-init runs this script once, without an argument: it
# installs a systemd unit. That unit runs a copy of the script at every start: `prepare` installs
# Docker and waits for the app's environment and its image, `run` becomes the app. What fails in
# `prepare` is tried again at the next start, for ever.
# It holds no secret and no endpoint: those stand in the parameter that it waits for.
set -euo pipefail

stack={{ stack | shell }}
region={{ region | shell }}
image={{ image | shell }}
port={{ port }}
parameter={{ parameter | shell }}
generation={{ generation | shell }}
registry_secret={{ registry_secret | shell }}
command=({{ command | words }})

environment=/etc/stackctl/app.env
unit=/etc/systemd/system/stackctl-app.service
program=/usr/local/sbin/stackctl-app

say() {
    echo "stackctl: $*" >&2
}

# retry TRIES COMMAND…: repeats the command with growing pauses until it succeeds.
retry() {
    local tries=$1 try
    shift
    for ((try = 1; try <= tries; try++)); do
        if "$@"; then
            return 0
        fi
        say "attempt $try of $tries failed: $*"
        sleep $((try < 6 ? try * 5 : 30))
    done
    return 1
}

# Needs no network, so that nothing keeps the unit from being there.
install_app() {
    say "installing the app of stack $stack"
    mkdir -p /etc/stackctl
    install -m 0755 "$0" "$program"
    # A start may take as long as the database; one that fails is tried again for ever.
    cat >"$unit" <<'UNIT'
[Unit]
Description=The app of a stackctl stack
Wants=docker.service network-online.target
After=docker.service network-online.target
StartLimitIntervalSec=0

[Service]
Environment=HOME=/root DOCKER_CONFIG=/run/stackctl
RuntimeDirectory=stackctl
RuntimeDirectoryMode=0700
ExecStartPre=-/usr/bin/docker rm --force app
ExecStartPre=/usr/local/sbin/stackctl-app prepare
ExecStart=/usr/local/sbin/stackctl-app run
ExecStop=-/usr/bin/docker stop -t 30 app
Restart=always
RestartSec=5
TimeoutStartSec=infinity
TimeoutStopSec=60
StandardOutput=journal
StandardError=journal+console

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    # Without waiting: the unit may wait for what comes after cloud-init.
    systemctl enable --now --no-block stackctl-app.service
}

# install_program PROGRAM PACKAGE: installs a package of Amazon Linux unless its program is there.
install_program() {
    if command -v "$1" >/dev/null; then
        return 0
    fi
    if ! command -v dnf >/dev/null; then
        say "this AMI has neither $1 nor dnf: name one with Docker and the AWS CLI in app.ami, or leave the key out"
        sleep 60
        return 1
    fi
    retry 20 dnf install --assumeyes "$2"
}

install_programs() {
    install_program docker docker
    install_program aws awscli-2
    systemctl enable --now docker.service
}

# Keeps the environment if it is the one that this instance was made for.
fetch_environment() {
    local value
    if ! value=$(aws ssm get-parameter --region "$region" --name "$parameter" \
        --query Parameter.Value --output text 2>"$environment.error"); then
        waiting_for=$(tail -n 1 "$environment.error")
        return 1
    fi
    if [[ "${value%%$'\n'*}" != "# stackctl generation=$generation" ]]; then
        waiting_for="$parameter is of another generation than $generation"
        return 1
    fi
    (
        umask 077
        printf '%s\n' "$value" >"$environment.new" && mv "$environment.new" "$environment"
    )
}

# Permissions take a while to arrive, and the environment comes once the database is there.
wait_for_environment() {
    local deadline=$((SECONDS + 3600)) pause=2 said='' waiting_for=''
    until fetch_environment; do
        if [[ -s "$environment" ]]; then
            say "going on with the environment of the last start: $waiting_for"
            return 0
        fi
        if ((SECONDS >= deadline)); then
            say "no environment after an hour: $waiting_for"
            return 1
        fi
        if [[ "$waiting_for" != "$said" ]]; then
            said=$waiting_for
            say "waiting for the environment: $said"
        fi
        sleep "$pause"
        pause=$((pause < 15 ? pause + 2 : 15))
    done
}

# secret ARN[:KEY::]: prints what Secrets Manager or Systems Manager keeps there; of a JSON object, one value.
secret() {
    local arn=$1 key='' service region
    IFS=: read -r _ _ service region _ <<<"$arn"
    if [[ "$arn" =~ ^(.*):([^:]+)::$ ]]; then
        arn=${BASH_REMATCH[1]} key=${BASH_REMATCH[2]}
    fi
    local text
    if [[ "$service" == ssm ]]; then
        text=$(aws ssm get-parameter --region "$region" --name "$arn" --with-decryption \
            --query Parameter.Value --output text) || return
    else
        text=$(aws secretsmanager get-secret-value --region "$region" --secret-id "$arn" \
            --query "not_null(SecretString, '')" --output text) || return
    fi
    if [[ -z "$text" ]]; then
        echo "$arn keeps no text" >&2
        return 1
    fi
    if [[ -n "$key" ]]; then
        printf '%s' "$text" | field "$key"
    else
        printf '%s\n' "$text"
    fi
}

# field KEY: prints one value of the JSON object that is read.
field() {
    python3 -c '
import json, sys
try:
    value = json.load(sys.stdin)[sys.argv[1]]
except (ValueError, KeyError, TypeError):
    sys.exit(f"the secret is no JSON object with {sys.argv[1]!r}")
print(value if isinstance(value, str) else json.dumps(value))' "$1"
}

# The names of the app's secrets and where they are kept, each as NAME=ARN.
secrets() {
    sed -n '/^# secrets$/,$ s/^#\([A-Za-z_][A-Za-z0-9_]*=\)/\1/p' "$environment"
}

# Docker takes them from its own environment. They are read at every start, and written nowhere.
read_secrets() {
    local name arn value
    while IFS='=' read -r name arn; do
        if ! value=$(retry 10 secret "$arn"); then
            say "cannot read the secret $name, $arn"
            return 1
        fi
        export "$name=$value"
        flags+=(--env "$name")
    done < <(secrets)
}

# Docker writes the environment of a container into this folder: with secrets, it is kept in memory.
keep_off_disk() {
    local containers=/var/lib/docker/containers
    if [[ -z "$(secrets)" ]] || mountpoint --quiet "$containers"; then
        return 0
    fi
    mkdir -p "$containers"
    mount -t tmpfs -o mode=0710,size=64m tmpfs "$containers"
    systemctl restart docker.service
}

log_in() {
    local registry=${image%%/*} credentials user
    # A private registry of Amazon ECR lets in whoever the instance's role does.
    if [[ "$registry" =~ ^[0-9]{12}\.dkr[.-]ecr(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com|amazonaws\.com\.cn|on\.aws)$ ]]; then
        aws ecr get-login-password --region "${BASH_REMATCH[2]}" |
            docker login --username AWS --password-stdin "$registry"
    elif [[ -n "$registry_secret" ]]; then
        # An image without a host's name is Docker Hub's.
        if [[ "$image" != */* || "$registry" != *[.:]* ]]; then
            registry=docker.io
        fi
        credentials=$(secret "$registry_secret") || return
        user=$(printf '%s' "$credentials" | field username) || return
        printf '%s' "$credentials" | field password |
            docker login --username "$user" --password-stdin "$registry"
    fi
}

pull_image() {
    local error
    if ! error=$(log_in 2>&1 >/dev/null); then
        say "cannot log in for $image: $(tail -n 1 <<<"$error")"
        return 1
    fi
    if ! error=$(docker pull --quiet "$image" 2>&1 >/dev/null); then
        say "cannot pull $image: $(tail -n 1 <<<"$error")"
        if [[ "$error" == *"no matching manifest"* ]]; then
            say "$image is not made for $(machine): $(remedy)"
        fi
        return 1
    fi
}

# The processor of this instance, in Docker's words.
machine() {
    case "$(uname -m)" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
    esac
}

remedy() {
    echo "build it for linux/$(machine) too, or choose an app.instance_type with the image's processor"
}

# An image for another processor would end at once, with an "exec format error".
check_architecture() {
    local made_for
    made_for=$(docker image inspect --format '{% raw %}{{.Architecture}}{% endraw %}' "$image")
    if [[ "$made_for" =~ ^(amd64|arm64)$ && "$made_for" != "$(machine)" ]]; then
        say "$image is made for $made_for, and this instance is $(machine): $(remedy)"
        # The next start pulls it again: its tag may have been moved meanwhile.
        docker image rm --force "$image" >/dev/null
        sleep 60
        return 1
    fi
}

prepare_app() {
    install_programs
    wait_for_environment
    if [[ -n "$registry_secret" || "$(secrets)" == *::* ]]; then
        install_program python3 python3
    fi
    keep_off_disk
    if ! docker image inspect "$image" >/dev/null 2>&1; then
        say "pulling $image"
        retry 20 pull_image
    fi
    check_architecture
    say "starting $image"
}

# The app's own output goes to the journal only: the console can be read from outside.
run_app() {
    local flags=()
    read_secrets
    exec /usr/bin/docker run --rm --name app --env-file "$environment" "${flags[@]}" \
        --publish "$port:$port" --log-opt max-size=10m --log-opt max-file=3 \
        "$image" "${command[@]}" 2>&1
}

case "${1:-install}" in
install) install_app ;;
prepare) prepare_app ;;
run) run_app ;;
*)
    say "unknown: $1"
    exit 1
    ;;
esac
