"""Programs that take the machine in turns of some seconds.

A machine that others share is twice as fast in one minute as in the next. Where one program runs
after the other has ended, their ratio is that of the minutes; in turns both have the same ones.
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile


class Program:
    """One that prints the seconds of its steps as a JSON list when it ends."""

    def __init__(self, command, environment):
        self.command = command
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.child = subprocess.Popen(command, stdout=self.out, stderr=self.err, env=environment)
        os.kill(self.child.pid, signal.SIGSTOP)

    def run(self, seconds):
        """False when it has ended."""
        os.kill(self.child.pid, signal.SIGCONT)
        try:
            self.child.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            os.kill(self.child.pid, signal.SIGSTOP)
            return True

    def median(self, turn_s):
        """Without the steps in which it was stopped, which are longer than a turn."""
        self.out.seek(0)
        self.err.seek(0)
        if self.child.returncode != 0:
            sys.exit("%s: exit status %d\n%s" % (" ".join(self.command), self.child.returncode,
                                                 self.err.read().decode()[-2000:]))
        steps = [s for s in json.loads(self.out.read()) if s < turn_s]
        if not steps:
            sys.exit("%s: no step took less than a turn of %d s" % (" ".join(self.command), turn_s))
        return statistics.median(steps)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.out.close()
        self.err.close()


def medians(commands, turn_s):
    """Median seconds of a step of each of [(command, environment)], in turns of turn_s."""
    programs = []
    try:
        for command, environment in commands:
            programs.append(Program(command, environment))
        going = list(programs)
        while going:
            going = [program for program in going if program.run(turn_s)]
        return [program.median(turn_s) for program in programs]
    finally:
        for program in programs:
            program.close()
