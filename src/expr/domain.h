// Domains: what is tested of a value that becomes one of a domain.
#pragma once

#include "expr/program.h"

struct domain_check {
  const char *name;
  const struct program *program; // over range 0, whose one column is the value
};

// Immutable; lives where the programs do.
struct domain_test {
  const char *name, *schema; // of the type
  struct type type;    // of the value
  bool is_of_elements; // of an array: each of its elements is tested
  bool not_null;
  int check_count;
  const struct domain_check *checks;
  const struct domain_test *below; // of the domain on which this one stands; tested first. NULL
};

// 23502, 23514 in PostgreSQL's words.
int domain_test(const struct domain_test *test, struct evaluation *evaluation, const struct value *value)
    __attribute__((warn_unused_result));
