#!/usr/bin/env python3
"""The blocks of C in doc/embedding.md: a whole program (with main) is compiled and run by itself; all others are one
program, whose functions show_… run in their order. Each says what stands in the block of text behind it."""

import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.path.realpath(os.environ.get("QUERN_SOURCE", "."))
BUILD = os.path.realpath(os.environ.get("QUERN_BUILD", "build"))
MANUAL = open(os.path.join(SOURCE, "doc/embedding.md"), encoding="utf-8").read()


def blocks():
    """(C, what it must say or None)"""
    return re.findall(r"^```c\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", MANUAL, re.M | re.S)


def is_sanitized():
    return "libasan" in subprocess.run(["ldd", os.path.join(BUILD, "libquern.so")], capture_output=True, text=True).stdout


def compile_and_run(folder, name, text):
    path = os.path.join(folder, name)
    with open(f"{path}.c", "w", encoding="utf-8") as file:
        file.write(text)
    flags = ["-fsanitize=address,undefined"] if is_sanitized() else []
    subprocess.run(["gcc", "-std=gnu17", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", *flags,
                    f"-I{SOURCE}/include", f"{path}.c", f"-L{BUILD}", f"-Wl,-rpath,{BUILD}", "-lquern", "-o", path], check=True)
    done = subprocess.run([path], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAIL {name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def expect(name, said, expected):
    if said != expected:
        sys.exit(f"FAIL {name} says\n{said}and not\n{expected}")
    print(f"ok   {name}")


def main():
    together, shown = "", []
    with tempfile.TemporaryDirectory() as folder:
        for number, (text, expected) in enumerate(blocks()):
            if "int main(" in text:
                expect(f"program {number}", compile_and_run(folder, f"program{number}", text), expected)
                continue
            together += text + "\n"
            functions = re.findall(r"^static void (show_\w+)\(void\)", text, re.M)
            if bool(functions) != bool(expected) or len(functions) > 1:
                sys.exit(f"FAIL a block shows {functions} and says {expected!r}")
            shown += [(function, expected) for function in functions]
        calls = "".join(f'  puts("== {function}");\n  {function}();\n' for function, _ in shown)
        said = compile_and_run(folder, "fragments", f"{together}int main(void)\n{{\n{calls}  return 0;\n}}\n")
    parts = re.split(r"^== (\w+)\n", said, flags=re.M)[1:]
    for (function, expected), name, part in zip(shown, parts[::2], parts[1::2], strict=True):
        assert function == name
        expect(function, part, expected)


if __name__ == "__main__":
    main()
