"""The programs that user data finds on an instance: aws, dnf, docker, mount, python3, sleep and systemctl, in words
that it uses.

`docker run` becomes the sample app, whatever the image; where its stores are on this machine, the twin has written.
"""

import json
import os
import pathlib
import platform
import sys
import time
import urllib.error
import urllib.request

STORES_LIMIT = 120  # seconds that a store may take to start
LONGEST_SLEEP = 1  # second: nothing here is as slow as on AWS


def flag(words, name):
    return words[words.index(name) + 1] if name in words else None


def aws(about, words):
    if words[:2] == ["ecr", "get-login-password"]:
        print("password")
        return 0
    if words[:2] == ["ssm", "get-parameter"]:
        asked = {"Name": flag(words, "--name"), "WithDecryption": "--with-decryption" in words}
        return call(about, words, "ssm", "AmazonSSM.GetParameter", asked, lambda answer: answer["Parameter"]["Value"])
    if words[:2] == ["secretsmanager", "get-secret-value"]:
        asked = {"SecretId": flag(words, "--secret-id")}
        return call(
            about, words, "secretsmanager", "secretsmanager.GetSecretValue", asked, lambda a: a.get("SecretString", "")
        )
    print(f"aws {' '.join(words[:2])}: nothing stands in for this here", file=sys.stderr)
    return 252


def call(about, words, service, target, asked, tell):
    """Asks the emulator, and prints what `tell` makes of the answer."""
    day = time.strftime("%Y%m%d", time.gmtime())
    credential = f"{about['account']}/{day}/{flag(words, '--region')}/{service}/aws4_request"
    headers = {
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        # The emulator takes the account from the access key, and looks at no signature.
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
    }
    body = json.dumps(asked).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(about["endpoint"], body, headers), timeout=30) as answer:
            print(tell(json.load(answer)))
            return 0
    except urllib.error.HTTPError as error:
        code = json.load(error).get("__type", "").split("#")[-1]
        print(f"An error occurred ({code}) when calling the {target.split('.')[1]} operation", file=sys.stderr)
    except OSError as error:
        print(f"Could not connect to the endpoint URL: {error}", file=sys.stderr)
    return 254


def dnf(about, words):
    return 0


def sleep(about, words):
    time.sleep(min(float(words[0]), LONGEST_SLEEP))
    return 0


def systemctl(about, words):
    if words[:1] == ["enable"]:
        unit = pathlib.Path(about["root"], "etc/systemd/system", words[-1])
        if unit.exists():
            unit.with_name(f"{unit.name}.enabled").touch()
    return 0


def mount(about, words):
    """The environment of a process here is in memory anyway."""
    return 0


def mountpoint(about, words):
    return 0


def python3(about, words):
    os.execv(sys.executable, [sys.executable, *words])


def docker(about, words):
    if words[:1] == ["run"]:
        return run(about, words)
    if words[:2] == ["image", "inspect"] and "--format" in words:
        print({"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()))
    return 0


def run(about, words):
    """Becomes the sample app."""
    image = words[first_argument(words)]
    text = pathlib.Path(flag(words, "--env-file")).read_text()
    lines = [line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#")]
    environment = {key: value for key, _, value in lines}
    # A name alone: Docker's client passes on what stands in its own environment.
    passed = [value for name, value in zip(words, words[1:]) if name == "--env"]
    environment |= {name: os.environ[name] for name in passed if name in os.environ}
    missing = with_stores(about, environment)
    if missing:
        print(f"sessions are in the memory of this instance: {missing}", flush=True)
        environment["SESSION_STORE"] = "memory"
    environment |= {
        "HOST": "127.0.0.1",
        "PORT": str(about["port"]),
        "INSTANCE": about["name"],
        **({"SESSION_COOKIE": about["cookie"]} if about.get("cookie") else {}),
        "SSL_CERT_FILE": about["trust"],
        "AWS_ENDPOINT_URL": about["endpoint"],
        "AWS_REGION": about["region"],
        "AWS_DEFAULT_REGION": about["region"],
        "AWS_ACCESS_KEY_ID": about["account"],
        "AWS_SECRET_ACCESS_KEY": "twin",
        "HOME": about["root"],
        "PATH": os.defpath,
    }
    app = {"image": image, "runs": "the sample app", "sessions": environment.get("SESSION_STORE", "memory")}
    folder = pathlib.Path(about["root"]).parent
    (folder / "app.json.new").write_text(json.dumps(app))
    (folder / "app.json.new").replace(folder / "app.json")
    os.execve(sys.executable, [sys.executable, about["app"]], environment)


def first_argument(words):
    """Where the flags of `docker run` end: all that the boot script uses have a value, but for --rm."""
    at = 1
    while words[at].startswith("-"):
        at += 1 if words[at] == "--rm" else 2
    return at


def addresses(environment):
    """The addresses of stores in an app's environment."""
    found = environment.get("MEMCACHED_SERVERS", "").split(",")
    found.append(environment.get("REDIS_URL", "").rpartition("//")[2].rpartition("@")[2])
    if "DATABASE_HOST" in environment:
        found.append(f"{environment['DATABASE_HOST']}:{environment['DATABASE_PORT']}")
    return [name for name in found if name]


def with_stores(about, environment):
    """Puts in the addresses that stores have on this machine; answers why the session's store is not there, if so."""
    wanted, until = addresses(environment), time.monotonic() + STORES_LIMIT
    while True:
        known = json.loads(pathlib.Path(about["stores"]).read_text())
        known = known.get(f"{about['account']}/{about['region']}", {})
        if all(name in known for name in wanted):
            break
        if time.monotonic() > until:
            raise SystemExit(f"a store has not started: {', '.join(n for n in wanted if n not in known)}")
        time.sleep(0.2)
    sessions, why = environment.get("SESSION_STORE"), None
    for name in wanted:
        here = known[name]
        if "missing" in here:
            kinds = {"redis": "redis", "memcached": "memcached", "database": ("postgres", "mysql")}
            why = here["missing"] if here["kind"] in kinds.get(sessions, ()) else why
            continue
        host, _, port = here["at"].partition(":")
        for key, value in environment.items():
            environment[key] = value.replace(name, here["at"])
        if f"{environment.get('DATABASE_HOST')}:{environment.get('DATABASE_PORT')}" == name:
            environment |= {"DATABASE_HOST": host, "DATABASE_PORT": port}
    return why


def main():
    name, *words = sys.argv[1:]
    about = json.loads(pathlib.Path(os.environ["TWIN_INSTANCE"]).read_text())
    programs = aws, dnf, docker, mount, mountpoint, python3, sleep, systemctl
    return {program.__name__: program for program in programs}[name](about, words)


if __name__ == "__main__":
    sys.exit(main())
