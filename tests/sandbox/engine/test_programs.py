"""Programs under the real engine and our language host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sandbox.engine.pulumi import module_command
from tests.support.engine import STACK, Project, eventually, executable

pytestmark = pytest.mark.engine

UP = ("up", "--yes", "--skip-preview", "--stack", STACK)

SLEEPS = """
    import subprocess, sys, time
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("the program sleeps")
    time.sleep(600)
"""


def shows(project: Project, text: str) -> bool:
    return text in project.output.read_text()


def diagnostics(output: str) -> str:
    """The last part of the engine's output, where each message stands once and whole."""
    return output.partition("Diagnostics:\n")[2]


def test_a_program_previews_updates_and_is_destroyed_without_a_warning(project: Project):
    project.write("""
        import pulumi

        class Part(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("test:index:Part", name)

        Part("one")
        pulumi.export("answer", 42)
    """)
    preview = project.run("preview", "--stack", STACK)
    up = project.run(*UP)
    again = project.run("preview", "--expect-no-changes", "--stack", STACK)
    outputs = project.run("stack", "output", "answer", "--stack", STACK)
    destroy = project.run("destroy", "--yes", "--stack", STACK)

    assert [preview.returncode, up.returncode, again.returncode, destroy.returncode] == [0, 0, 0, 0]
    assert outputs.stdout.strip() == "42"
    assert "warning" not in preview.stdout + up.stdout + destroy.stdout
    assert "Diagnostics" not in preview.stdout + up.stdout + destroy.stdout
    assert project.resources == []


def test_what_a_program_prints_arrives_as_it_is_and_in_order(project: Project):
    lines = [f"line {number}: {'ü' * number}%s" for number in range(40)]
    project.write(f"""
        import sys
        for line in {lines!r}:
            print(line)
            print("error " + line, file=sys.stderr)
        sys.stdout.write("no newline at the end")
    """)
    output = diagnostics(project.run("preview", "--stack", STACK).stdout)
    shown = [line.strip() for line in output.splitlines()]

    assert [line for line in shown if line.startswith("line ")] == lines
    assert [line for line in shown if line.startswith("error ")] == [f"error {line}" for line in lines]
    assert "no newline at the end" in shown


def test_a_crash_shows_its_traceback_once_and_exits_non_zero(project: Project):
    project.write("""
        def fail():
            raise ValueError("the cause")

        fail()
    """)
    done = project.run("preview", "--stack", STACK)

    assert done.returncode != 0
    assert done.stdout.count("Traceback") == 1
    assert done.stdout.count("ValueError: the cause") == 1
    assert "unhandled error" not in done.stdout
    assert "sandbox/engine" not in done.stdout


def test_a_run_error_shows_its_message_alone(project: Project):
    project.write("""
        import pulumi
        raise pulumi.RunError("infra-fleet:vpcCidr: 10.0.0.0/30 is too small")
    """)
    done = project.run("preview", "--stack", STACK)

    assert done.returncode != 0
    message = diagnostics(done.stdout).partition("Resources:")[0]
    assert [line.strip() for line in message.splitlines() if line.strip()] == [
        f"pulumi:pulumi:Stack (test-{STACK}):",
        "error: infra-fleet:vpcCidr: 10.0.0.0/30 is too small",
    ]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit(7)", "the program exited with code 7"),
        ("import sys; sys.exit(1)", "the program exited with code 1"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the program was ended by SIGKILL"),
    ],
)
def test_a_program_that_ends_without_a_word_gets_one_from_the_host(project: Project, program: str, message: str):
    project.write(program)
    done = project.run("preview", "--stack", STACK)

    assert done.returncode != 0
    assert message in diagnostics(done.stdout)


def test_a_missing_virtual_environment_is_named_with_the_command_that_makes_it(project: Project, tmp_path: Path):
    project.write("", virtualenv=tmp_path / "missing")
    done = project.run("preview", "--stack", STACK)

    assert done.returncode != 0
    (error,) = [line.strip() for line in diagnostics(done.stdout).splitlines() if "error:" in line]
    assert error.startswith(f"error: runtime.options.virtualenv of Pulumi.yaml: {tmp_path / 'missing'} is no")
    assert "make preview" in error
    assert f"python3 -m venv {tmp_path / 'missing'}" in error


def test_the_program_runs_in_its_virtual_environment_and_without_the_hosts_python_path(
    project: Project, tmp_path: Path
):
    project.write("import os, sys; print('prefix', sys.prefix); print('path', os.environ.get('PYTHONPATH'))")
    here = project.run("preview", "--stack", STACK).stdout
    other = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    site_packages = Path(sysconfig.get_path("purelib"))
    (other / site_packages.relative_to(sys.prefix) / "ours.pth").write_text(str(site_packages))
    project.write("import os, sys; print('prefix', sys.prefix)", virtualenv=other)
    there = project.run("preview", "--stack", STACK).stdout

    assert f"prefix {sys.prefix}\n" in here
    assert "path None\n" in here
    assert f"prefix {other}\n" in there


def test_config_and_secrets_reach_the_program_and_no_command_line(project: Project):
    project.write("""
        import psutil
        import pulumi
        config = pulumi.Config()
        arguments = " ".join(psutil.Process().cmdline())
        pulumi.export("plain", config.require_object("plain"))
        pulumi.export("secret", config.require_secret("secret"))
        pulumi.export("in arguments", "hunter2" in arguments)
    """)
    project.run("config", "set", "--path", "plain.list[0]", "value", "--stack", STACK)
    project.run("config", "set", "--secret", "secret", "hunter2", "--stack", STACK)
    done = project.run(*UP)

    assert done.returncode == 0
    assert "hunter2" not in done.stdout
    assert project.run("stack", "output", "plain", "--stack", STACK).stdout.strip() == '{"list":["value"]}'
    assert project.run("stack", "output", "secret", "--stack", STACK).stdout.strip() == "[secret]"
    assert project.run("stack", "output", "secret", "--show-secrets", "--stack", STACK).stdout.strip() == "hunter2"
    assert project.run("stack", "output", "in arguments", "--stack", STACK).stdout.strip() == "false"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_slow_program_quietly_frees_the_lock_and_leaves_nothing_running(
    project: Project, number: signal.Signals
):
    project.write(SLEEPS)
    engine = project.start(*UP)
    eventually(lambda: shows(project, "the program sleeps"))
    assert project.locks
    os.killpg(engine.pid, number)

    assert engine.wait() == 1
    assert not project.locks
    assert project.running() == []
    assert "Traceback" not in project.output.read_text()
    assert "KeyboardInterrupt" not in project.output.read_text()


def test_a_killed_engine_leaves_nothing_running(project: Project):
    project.write(SLEEPS)
    engine = project.start(*UP)
    eventually(lambda: shows(project, "the program sleeps"))
    assert len(project.running()) >= 4  # the engine, the host, the program, and what it started
    engine.kill()
    engine.wait()

    eventually(lambda: project.running() == [])


def test_what_a_program_leaves_behind_ends_with_it(project: Project):
    project.write(SLEEPS.replace("    time.sleep(600)\n", ""))
    done = project.run(*UP)

    assert done.returncode == 0
    assert project.running() == []


def test_the_first_ctrl_c_lets_a_running_step_finish_and_starts_no_other(project: Project, tmp_path: Path):
    executable(
        project.folder.pulumi_home / "plugins" / "resource-slow-v1.0.0" / "pulumi-resource-slow",
        module_command("tests.sandbox.engine.slow_provider"),
    )
    project.write(f"""
        import pulumi

        class Slow(pulumi.CustomResource):
            def __init__(self, name, after):
                files = {{"begun": f"{tmp_path}/{{name}}-begun", "go": "{tmp_path}/go"}}
                options = pulumi.ResourceOptions(version="1.0.0", depends_on=after)
                super().__init__("slow:index:Slow", name, files, options)

        Slow("second", [Slow("first", [])])
    """)
    engine = project.start(*UP)
    eventually((tmp_path / "first-begun").exists)
    os.killpg(engine.pid, signal.SIGINT)
    eventually(lambda: shows(project, "^C received; cancelling"))
    (tmp_path / "go").touch()

    assert engine.wait() == 1
    assert project.resources == ["test-test", "default_1_0_0", "first"]
    assert not project.checkpoint.get("pending_operations")
    assert not (tmp_path / "second-begun").exists()
    assert not project.locks
    assert project.running() == []
