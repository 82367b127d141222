// System tables: rows that are computed when they are read (pg_catalog, information_schema, quern).
// One table row of system_tables[] each: to add one is to write its columns and its function.
#pragma once

#include "sql/settings.h"
#include "table/catalog.h"

struct row_sink;
struct evaluation;

// What the rows are computed from. Owner thread only.
struct system_context {
  struct catalog *catalog;
  const struct version *version;
  const struct settings *settings;
  int64_t now; // the transaction's time
  // Figures that sql/ does not have: sources, workflows, metrics. Each calls emit once a row with the values of the
  // table's columns in their order; the strings are copied.
  void *context;
  int (*figures)(struct system_context *system, const char *table, struct row_sink *sink, struct error *error);
  uint32_t last_oid; // of the relation with the index that was found last: the next one is probably near. Begins at 0
};

struct row_sink {
  struct arena *arena;
  struct value **rows; // rows[i][column], grown by row_sink_add
  int row_count, row_capacity;
  int column_count;
};
// values are copied, their bytes too. 53200.
int row_sink_add(struct row_sink *sink, const struct value *values, const enum type_id *types, struct error *error);

struct system_column {
  const char *name;
  enum type_id type;
};

struct system_table {
  uint32_t oid;
  uint32_t schema_oid;
  const char *name;
  const struct system_column *columns;
  int column_count;
  int (*rows)(const struct system_table *table, struct system_context *context, struct row_sink *sink,
              struct error *error);
};

// NULL: there is none of this name in this schema.
const struct system_table *system_table_find(uint32_t schema_oid, const char *name);
const struct system_table *system_table_at(int index); // NULL behind the last

// The table with the one row that SELECT from a sequence reads; in the arena. NULL: out of memory.
const struct system_table *system_sequence_table(const struct relation *sequence, struct arena *arena);

// The functions that look at session and catalog: for evaluation_hooks.session_function. `context` of the evaluation
// begins with a struct system_context * (see partition/).
int system_function(struct system_context *system, struct evaluation *evaluation, const char *name,
                    const struct value *arguments, int argument_count, struct value *result);
