// Domains: values held against their constraints.
#include "expr/domain.h"

#include <stdio.h>

#include "base/sqlstate.h"
#include "data/array.h"

static int refuse(const struct domain_test *outer, const struct domain_check *check, struct evaluation *evaluation)
{
  struct error *error = evaluation->error;
  int status = check ? error_set(error, SQLSTATE_CHECK_VIOLATION, "value for domain %s violates check constraint \"%s\"",
                                 outer->name, check->name)
                     : error_set(error, SQLSTATE_NOT_NULL_VIOLATION, "domain %s does not allow null values", outer->name);
  if (error) {
    snprintf(error->schema, sizeof error->schema, "%s", outer->schema);
    snprintf(error->type, sizeof error->type, "%s", outer->name);
  }
  if (error && check)
    snprintf(error->constraint, sizeof error->constraint, "%s", check->name);
  return status;
}

// Messages call the domain by the name of the outermost one: outer.
static int test_one(const struct domain_test *test, const struct domain_test *outer, struct evaluation *evaluation,
                    const struct value *value)
{
  int status = test->below ? test_one(test->below, outer, evaluation, value) : STATUS_OK;
  if (status)
    return status;
  if (test->not_null && value->is_null)
    return refuse(outer, NULL, evaluation);
  struct value row = *value, *const ranges[] = {&row};
  struct evaluation own = *evaluation;
  own.ranges = ranges;
  for (int i = 0; i < test->check_count && !status; i++) {
    struct value holds;
    status = program_run(test->checks[i].program, &own, &holds);
    if (!status && !holds.is_null && !holds.integer)
      status = refuse(outer, &test->checks[i], evaluation);
  }
  return status;
}

int domain_test(const struct domain_test *test, struct evaluation *evaluation, const struct value *value)
{
  if (!test->is_of_elements)
    return test_one(test, test, evaluation, value);
  if (value->is_null)
    return STATUS_OK;
  struct array array = array_of(test->type.id, value);
  struct value element;
  int status = STATUS_OK;
  for (struct array_walk walk = array_walk(&array); !status && array_next(&walk, &element);)
    status = test_one(test, test, evaluation, &element);
  return status;
}
