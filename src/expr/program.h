// Expression programs: an expression tree compiled to a flat list of steps over registers.
// A program is immutable and may run in many threads at once, each with its own evaluation and registers.
#pragma once

#include "expr/function.h"

struct program {
  int step_count;
  struct program_step *steps;
  int register_count;
  struct type type;
  bool is_constant;        // evaluates to `constant` without running
  struct value constant;
};

// The program lives in the arena. Sub-expressions that are constant and pure are computed here.
// NULL with an error (a pure function of constants may fail: then its failure is left to the run).
struct program *program_compile(const struct node *node, struct arena *arena, struct error *error);
// Result bytes live in evaluation->arena or are borrowed from the row or the constants.
int program_run(const struct program *program, struct evaluation *evaluation, struct value *result)
    __attribute__((warn_unused_result));
// As a condition: *holds is true only for TRUE (not for NULL).
int program_test(const struct program *program, struct evaluation *evaluation, bool *holds)
    __attribute__((warn_unused_result));
