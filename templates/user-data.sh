#!/bin/bash
# Brings up the app on this instance. cloud-init runs this script once, without an argument: it
# installs Docker and a systemd unit. That unit runs a copy of the script at every start: `prepare`
# waits for the app's environment and its image, `run` becomes the app.
# It holds no secret and no endpoint: those stand in the parameter that it waits for.
set -euo pipefail

stack={{ stack | shell }}
region={{ region | shell }}
image={{ image | shell }}
port={{ port }}
parameter={{ parameter | shell }}
generation={{ generation | shell }}

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

install_app() {
    say "installing the app of stack $stack"
    if ! command -v docker >/dev/null; then
        retry 20 dnf install --assumeyes docker
    fi
    if ! command -v aws >/dev/null; then
        retry 20 dnf install --assumeyes awscli-2
    fi
    systemctl enable --now docker.service
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
Environment=HOME=/root
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

pull_image() {
    local registry=${image%%/*}
    # A private registry of Amazon ECR lets in whoever the instance's role does.
    if [[ "$registry" =~ ^[0-9]{12}\.dkr[.-]ecr(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com|amazonaws\.com\.cn|on\.aws)$ ]]; then
        aws ecr get-login-password --region "${BASH_REMATCH[2]}" |
            docker login --username AWS --password-stdin "$registry" || return
    fi
    docker pull --quiet "$image"
}

prepare_app() {
    wait_for_environment
    if ! docker image inspect "$image" >/dev/null 2>&1; then
        say "pulling $image"
        retry 20 pull_image
    fi
}

# The app's own output goes to the journal only: the console can be read from outside.
run_app() {
    exec /usr/bin/docker run --rm --name app --env-file "$environment" \
        --publish "$port:$port" --log-opt max-size=10m --log-opt max-file=3 "$image" 2>&1
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
