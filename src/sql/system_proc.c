// pg_proc, from the tables of functions: what the engine itself resolves by; and what it says of one of them.
#include <stdio.h>

#include "sql/system_internal.h"
#include "table/namespace.h"

enum {
  OID_MADE_UP_FUNCTION = 0x70000000,
  OID_MADE_UP_AGGREGATE = 0x78000000,
  OID_MADE_UP_ORDERED = 0x79000000,
  OID_MADE_UP_WINDOW = 0x7a000000,
  OID_MADE_UP_SET = 0x7c000000,
  OID_RECORD = 2249
};

struct function_row {
  uint32_t oid;
  const char *name, *kind, *volatility, *source;
  bool is_strict, is_variadic;
  int argument_count;
  const enum type_id *arguments;
  uint32_t result;
  const struct set_function *set; // NULL: it gives one value
};

typedef int (*function_visitor)(void *context, const struct function_row *row);

uint32_t system_type_oid(enum type_id type)
{
  static const uint32_t pseudo[] = {2276, 2776, 2277, 2283, 5078, 5077, 3500}; // "any", anynonarray, anyarray, …
  return type_is_pseudo(type) ? pseudo[type - TYPE_COUNT] : type_oid(type);
}

// --- All of them -------------------------------------------------------------------------------------------

static int visit_plain(function_visitor visit, void *context)
{
  static const char *const volatility[] = {[FUNCTION_PURE] = "i", [FUNCTION_STABLE] = "s"};
  const struct function *function;
  int status = 0;
  for (int i = 0; !status && (function = function_at(i)); i++) {
    bool is_variadic = function->argument_count < 0;
    struct function_row row = {
        .oid = function->oid ? function->oid : (uint32_t)OID_MADE_UP_FUNCTION + (uint32_t)i,
        .name = function->name,
        .kind = "f",
        .volatility = function->volatility <= FUNCTION_STABLE ? volatility[function->volatility] : "v",
        .source = function->name,
        .is_strict = !function->called_on_null,
        .is_variadic = is_variadic,
        .argument_count = is_variadic ? -function->argument_count : function->argument_count,
        .arguments = function->arguments,
        .result = system_type_oid(function->result)};
    status = function->is_operator ? 0 : visit(context, &row);
  }
  return status;
}

static int visit_aggregates(function_visitor visit, void *context)
{
  int status = 0;
  const struct aggregate *aggregate;
  for (int i = 0; !status && (aggregate = aggregate_at(i)); i++)
    status = visit(context, &(struct function_row){.oid = (uint32_t)OID_MADE_UP_AGGREGATE + (uint32_t)i,
                                                   .name = aggregate->name,
                                                   .kind = "a",
                                                   .volatility = "i",
                                                   .source = "aggregate_dummy",
                                                   .argument_count = aggregate->argument_count,
                                                   .arguments = aggregate->arguments,
                                                   .result = system_type_oid(aggregate->result)});
  const struct ordered_set *ordered;
  for (int i = 0; !status && (ordered = ordered_set_at(i)); i++)
    status = visit(context, &(struct function_row){.oid = (uint32_t)OID_MADE_UP_ORDERED + (uint32_t)i,
                                                   .name = ordered->name,
                                                   .kind = "a",
                                                   .volatility = "i",
                                                   .source = "aggregate_dummy",
                                                   .argument_count = ordered->argument_count,
                                                   .arguments = ordered->arguments,
                                                   .result = system_type_oid(ordered->result)});
  return status;
}

// Until one gives something else than 0.
static int visit_functions(function_visitor visit, void *context)
{
  int status = visit_plain(visit, context);
  if (!status)
    status = visit_aggregates(visit, context);
  const struct window_function *window;
  for (int i = 0; !status && (window = window_function_at(i)); i++)
    status = visit(context, &(struct function_row){.oid = (uint32_t)OID_MADE_UP_WINDOW + (uint32_t)i,
                                                   .name = window->name,
                                                   .kind = "w",
                                                   .volatility = "i",
                                                   .source = window->name,
                                                   .is_strict = true,
                                                   .argument_count = window->argument_count,
                                                   .arguments = window->arguments,
                                                   .result = system_type_oid(window->result)});
  const struct set_function *set;
  for (int i = 0; !status && (set = set_function_at(i)); i++)
    status = visit(context, &(struct function_row){
                                .oid = (uint32_t)OID_MADE_UP_SET + (uint32_t)i,
                                .name = set->name,
                                .kind = "f",
                                .volatility = "i",
                                .source = set->name,
                                .is_strict = true,
                                .set = set,
                                .argument_count = set->argument_count,
                                .arguments = set->arguments,
                                .result = set->column_count == 1 ? system_type_oid(set->columns[0].type) : OID_RECORD});
  return status;
}

// --- The table ---------------------------------------------------------------------------------------------

static const struct system_column function_columns[] = {
    C_OID("oid"),           C_NAME("proname"),       C_OID("pronamespace"),   C_OID("proowner"),
    C_OID("prolang"),       C_FLOAT("procost"),      C_FLOAT("prorows"),      C_OID("provariadic"),
    C_TEXT("prosupport"),   C_CHAR("prokind"),       C_BOOL("prosecdef"),     C_BOOL("proleakproof"),
    C_BOOL("proisstrict"),  C_BOOL("proretset"),     C_CHAR("provolatile"),   C_CHAR("proparallel"),
    C_INT2("pronargs"),     C_INT2("pronargdefaults"), C_OID("prorettype"),   C_TEXT("proargtypes"),
    C_ARRAY("proallargtypes"), C_ARRAY("proargmodes"), C_ARRAY("proargnames"), C_TEXT("proargdefaults"),
    C_ARRAY("protrftypes"), C_TEXT("prosrc"),        C_TEXT("probin"),        C_TEXT("prosqlbody"),
    C_ARRAY("proconfig"),   C_ARRAY("proacl"),
};

struct filling {
  const struct system_table *table;
  struct row_sink *sink;
  struct error *error;
};

static struct value argument_types(struct row_sink *sink, const enum type_id *types, int count)
{
  char text[128] = "";
  size_t at = 0;
  for (int i = 0; i < count && at < sizeof text - 16; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", i ? " " : "",
                           system_type_oid(types[i]));
  return text_or_null(arena_string(sink->arena, text));
}

static int add_function(void *context, const struct function_row *row)
{
  const struct filling *filling = context;
  const struct value values[] = {
      number(row->oid), value_string(row->name), number(SCHEMA_PG_CATALOG), number(ROLE_OWNER), number(12),
      value_float8(1), value_float8(row->set ? 1000 : 0), number(0), value_string("-"),
      value_string(row->kind), truth(false), truth(false), truth(row->is_strict), truth(row->set),
      value_string(row->volatility), value_string("s"), number(row->argument_count), number(0),
      number(row->result), argument_types(filling->sink, row->arguments, row->argument_count), value_null(),
      value_null(), value_null(), value_null(), value_null(), value_string(row->source), value_null(),
      value_null(), value_null(), value_null()};
  return system_add(filling->table, filling->sink, values, filling->error);
}

static int function_rows(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                         struct error *error)
{
  return visit_functions(add_function, &(struct filling){table, sink, error});
}

const struct system_table proc_tables[] = {
    SYSTEM_TABLE(1255, SCHEMA_PG_CATALOG, "pg_proc", function_columns, function_rows),
    {0},
};

// --- One of them -------------------------------------------------------------------------------------------

struct search {
  uint32_t oid;
  struct function_row found;
};

static int find_function(void *context, const struct function_row *row)
{
  struct search *search = context;
  search->found = *row;
  return row->oid == search->oid;
}

static void append_type(struct system_context *system, uint32_t oid, struct buffer *out)
{
  char name[128];
  if (system_type_name(system, oid, -1, name, sizeof name))
    buffer_append_string(out, name);
}

bool system_function_result(struct system_context *system, uint32_t oid, struct buffer *out)
{
  struct search search = {.oid = oid};
  if (!visit_functions(find_function, &search))
    return false;
  if (search.found.set)
    buffer_append_string(out, "SETOF ");
  append_type(system, search.found.result, out);
  return true;
}

bool system_function_arguments(struct system_context *system, uint32_t oid, bool with_results, struct buffer *out)
{
  struct search search = {.oid = oid};
  if (!visit_functions(find_function, &search))
    return false;
  const struct function_row *row = &search.found;
  for (int i = 0; i < row->argument_count; i++) {
    bool is_variadic = row->is_variadic && i == row->argument_count - 1, is_any = is_variadic && row->arguments[i] >= TYPE_COUNT;
    buffer_append_string(out, i ? ", " : "");
    buffer_append_string(out, is_variadic ? "VARIADIC " : "");
    append_type(system, is_any ? 2276 : system_type_oid(row->arguments[i]), out);
    buffer_append_string(out, is_variadic && !is_any ? "[]" : "");
  }
  for (int i = 0; with_results && row->set && row->set->column_count > 1 && i < row->set->column_count; i++) {
    buffer_append_string(out, row->argument_count || i ? ", OUT " : "OUT ");
    buffer_append_string(out, row->set->columns[i].name ? row->set->columns[i].name : row->name);
    buffer_append_u8(out, ' ');
    append_type(system, system_type_oid(row->set->columns[i].type), out);
  }
  return true;
}
