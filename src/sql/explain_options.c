// The options of EXPLAIN, as PostgreSQL takes them.
#include <string.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "sql/utility.h"

// NULL: none is given.
static const char *value_text(const PgQuery__DefElem *option)
{
  if (!option->arg)
    return NULL;
  switch (option->arg->node_case) {
  case PG_QUERY__NODE__NODE_STRING: return option->arg->string->sval;
  case PG_QUERY__NODE__NODE_BOOLEAN: return option->arg->boolean->boolval ? "true" : "false";
  case PG_QUERY__NODE__NODE_INTEGER: {
    int32_t number = option->arg->integer->ival;
    return number == 1 ? "true" : number == 0 ? "false" : "";
  }
  default: return "";
  }
}

static int read_boolean(const PgQuery__DefElem *option, bool *value, struct error *error)
{
  static const char *const on[] = {"true", "on"}, *const off[] = {"false", "off"};
  const char *text = value_text(option);
  for (int i = 0; i < 2; i++) {
    if (!text || strcasecmp(text, on[i]) == 0)
      return *value = true, 0;
    if (strcasecmp(text, off[i]) == 0)
      return *value = false, 0;
  }
  return error_set(error, SQLSTATE_SYNTAX_ERROR, "%s requires a Boolean value", option->defname);
}

static int read_format(const PgQuery__DefElem *option, enum explain_format *format, struct error *error)
{
  const char *text = value_text(option);
  if (!text || strcasecmp(text, "text") == 0)
    *format = EXPLAIN_TEXT;
  else if (strcasecmp(text, "json") == 0)
    *format = EXPLAIN_JSON;
  else if (strcasecmp(text, "xml") == 0 || strcasecmp(text, "yaml") == 0)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "EXPLAIN has the formats text and json");
  else
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized value for EXPLAIN option \"%s\": \"%s\"",
                     option->defname, text);
  return 0;
}

int explain_read_options(const PgQuery__ExplainStmt *statement, struct bytes text, struct explain_options *options,
                         struct error *error)
{
  bool has_timing = false, has_summary = false, buffers = false, ignored;
  *options = (struct explain_options){.costs = true};
  const struct {
    const char *name;
    bool *value, *given;
  } known[] = {{"analyze", &options->analyze, &ignored},   {"verbose", &options->verbose, &ignored},
               {"costs", &options->costs, &ignored},       {"timing", &options->timing, &has_timing},
               {"summary", &options->summary, &has_summary}, {"buffers", &buffers, &ignored},
               {"settings", &ignored, &ignored},           {"wal", &buffers, &ignored}};
  for (size_t i = 0; i < statement->n_options; i++) {
    const PgQuery__DefElem *option = statement->options[i]->def_elem;
    size_t k = 0;
    while (k < sizeof known / sizeof *known && strcmp(option->defname, known[k].name))
      k++;
    int status;
    if (k < sizeof known / sizeof *known) {
      status = read_boolean(option, known[k].value, error);
      *known[k].given = true;
    } else if (strcmp(option->defname, "format") == 0)
      status = read_format(option, &options->format, error);
    else
      status = error_set(error, SQLSTATE_SYNTAX_ERROR, "unrecognized EXPLAIN option \"%s\"", option->defname);
    if (status && (k == sizeof known / sizeof *known))
      error_position(error, parse_position(text, option->location));
    if (status)
      return status;
  }
  if (has_timing && options->timing && !options->analyze)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "EXPLAIN option TIMING requires ANALYZE");
  options->timing = has_timing ? options->timing : options->analyze;
  options->summary = has_summary ? options->summary : options->analyze;
  return 0;
}
