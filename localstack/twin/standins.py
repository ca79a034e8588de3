"""The programs that user data finds on an instance: aws, dnf, docker, mount, python3, sleep and systemctl, in words
that it uses.

`docker run` runs the image where Docker or Podman of this machine has it, else the sample app; where the stores are on
this machine, the twin has written.
"""

import json
import os
import pathlib
import platform
import sys
import time
import urllib.error
import urllib.request

from .addresses import stores_of, with_stores
from .engines import engine_with

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
    os.environ.pop("PYTHONPATH", None)
    os.execv(sys.executable, [sys.executable, *words])


def docker(about, words):
    if words[:1] == ["run"]:
        return run(about, words)
    if words[:2] == ["image", "inspect"] and "--format" in words:
        _, made_for = engine_with(words[-1], about["engine"])
        print(made_for or {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()))
    return 0


def run(about, words):
    """Runs the image in a container, or becomes the sample app."""
    at = first_argument(words)
    image, command = words[at], words[at + 1 :]
    text = pathlib.Path(flag(words, "--env-file")).read_text()
    lines = [line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#")]
    environment = {key: value for key, _, value in lines}
    # A name alone: Docker's client passes on what stands in its own environment.
    passed = [value for name, value in zip(words, words[1:]) if name == "--env"]
    environment |= {name: os.environ[name] for name in passed if name in os.environ}
    stores = stores_of(about, environment)
    missing = with_stores(stores, environment)
    if missing:
        print(f"sessions are in the memory of this instance: {missing}", flush=True)
        environment["SESSION_STORE"] = "memory"
    environment |= {
        "AWS_ENDPOINT_URL": about["endpoint"],
        "AWS_REGION": about["region"],
        "AWS_DEFAULT_REGION": about["region"],
        "AWS_ACCESS_KEY_ID": about["account"],
        "AWS_SECRET_ACCESS_KEY": "twin",
    }
    engine, _ = engine_with(image, about["engine"])
    sessions = environment.get("SESSION_STORE", "memory")
    app = {"image": image, "engine": engine.program if engine else None, "sessions": sessions}
    folder = pathlib.Path(about["root"]).parent
    (folder / "app.json.new").write_text(json.dumps(app))
    (folder / "app.json.new").replace(folder / "app.json")
    if engine:
        # Slow to load, and most of what is called here has no use for it.
        import asyncio

        from .containers import Container

        port = flag(words, "--publish").rpartition(":")[2]
        reached = [here["at"] for here in stores.values() if "at" in here]
        reached.append(about["endpoint"].rpartition("/")[2])
        return asyncio.run(Container(engine, about, (image, port, command), environment).run(reached))
    environment |= {
        "HOST": "127.0.0.1",
        "PORT": str(about["port"]),
        "INSTANCE": about["name"],
        **({"SESSION_COOKIE": about["cookie"]} if about.get("cookie") else {}),
        "SSL_CERT_FILE": about["trust"],
        "HOME": about["root"],
        "PATH": os.defpath,
    }
    os.execve(sys.executable, [sys.executable, about["app"]], environment)


def first_argument(words):
    """Where the flags of `docker run` end: all that the boot script uses have a value, but for --rm."""
    at = 1
    while words[at].startswith("-"):
        at += 1 if words[at] == "--rm" else 2
    return at


def main():
    name, *words = sys.argv[1:]
    about = json.loads(pathlib.Path(os.environ["TWIN_INSTANCE"]).read_text())
    programs = aws, dnf, docker, mount, mountpoint, python3, sleep, systemctl
    return {program.__name__: program for program in programs}[name](about, words)


if __name__ == "__main__":
    sys.exit(main())
