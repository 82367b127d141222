// The figures behind quern.sources, quern.sinks, quern.source_errors, quern.workflows and quern.metrics.
#include <stdio.h>

#include "base/sqlstate.h"
#include "partition/state.h"
#include "table/role.h"

static struct value text_or_null(const char *text)
{
  return text ? value_string(text) : value_null();
}

// A position as text: as it is where it is printable, else in hexadecimal.
static struct value position_text(struct bytes position, struct arena *arena)
{
  if (!position.size)
    return value_null();
  bool is_printable = true;
  for (size_t i = 0; i < position.size; i++)
    is_printable &= position.data[i] >= 32 && position.data[i] < 127;
  if (is_printable)
    return value_bytes(position.data, (uint32_t)position.size);
  char *text = arena_alloc(arena, 2 * position.size + 1);
  if (!text)
    return value_null();
  for (size_t i = 0; i < position.size; i++)
    snprintf(text + 2 * i, 3, "%02x", position.data[i]);
  return value_string(text);
}

// name, connector, state, rows, bytes, errors, position, lag, event_time, lateness, watermark, late_rows
static int source_rows(struct partition *partition, const struct version *version, struct row_sink *sink, struct error *error)
{
  static const enum type_id types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_TEXT, TYPE_INT8,
                                       TYPE_TEXT, TYPE_TEXT, TYPE_TIMESTAMPTZ, TYPE_INT8};
  const struct partition_hooks *hooks = partition->options.hooks;
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(partition->catalog, version, &oid))) {
    if (relation->kind != RELATION_SOURCE)
      continue;
    struct source_progress progress;
    flow_source_progress(version, relation->oid, &progress);
    bool is_paused = relation->state && strcmp(relation->state, "paused") == 0;
    bool is_wanted = flow_wants_source(partition->flow, version, relation);
    const struct open_source *open = map_get(&partition->sources, bytes_of(&relation->oid, sizeof relation->oid));
    bool has_failed = open && open->stamp == relation->stamp && !open->opening;
    int64_t lag = hooks && hooks->source_lag ? hooks->source_lag(hooks->context, relation->oid) : -1;
    const char *event_time = relation_option(relation, "event_time"), *lateness = relation_option(relation, "lateness");
    int64_t watermark;
    bool has_watermark = flow_watermark(partition->flow, version, relation, &watermark);
    struct value row[] = {
      value_string(relation->name),
      text_or_null(relation_option(relation, "connector")),
      value_string(is_paused ? "paused" : has_failed ? "failed" : is_wanted ? "running" : "waiting"),
      value_integer((int64_t)progress.rows),
      value_integer((int64_t)progress.bytes),
      value_integer((int64_t)progress.errors),
      position_text(progress.position, sink->arena),
      lag < 0 ? value_null() : value_integer(lag),
      text_or_null(event_time),
      text_or_null(event_time && !lateness ? "0" : lateness),
      has_watermark ? value_integer(watermark) : value_null(),
      event_time ? value_integer((int64_t)progress.late) : value_null(),
    };
    int status = row_sink_add(sink, row, types, error);
    if (status)
      return status;
  }
  return 0;
}

static const char *sink_state(const struct relation *sink, const struct open_sink *open)
{
  if (sink->state && strcmp(sink->state, "paused") == 0)
    return "paused";
  if (!open || open->stamp != sink->stamp)
    return "waiting";
  return open->has_failed ? "failed" : open->is_waiting ? "waiting" : "running";
}

// name, source, connector, state, rows, bytes, errors, position, lag, error
static int sink_rows(struct partition *partition, const struct version *version, struct row_sink *sink, struct error *error)
{
  static const enum type_id types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_INT8,
                                       TYPE_INT8, TYPE_INT8, TYPE_TEXT, TYPE_INT8, TYPE_TEXT};
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(partition->catalog, version, &oid))) {
    if (relation->kind != RELATION_SINK)
      continue;
    struct sink_progress progress;
    flow_sink_progress(version, relation->oid, &progress);
    const struct relation *source = catalog_find_oid(partition->catalog, version, relation->dependencies[0]);
    const struct open_sink *open = map_get(&partition->sinks, bytes_of(&relation->oid, sizeof relation->oid));
    bool has_trouble = open && open->stamp == relation->stamp && open->trouble[0];
    struct value row[] = {
      value_string(relation->name),
      text_or_null(source ? source->name : NULL),
      text_or_null(relation_option(relation, "connector")),
      value_string(sink_state(relation, open)),
      value_integer((int64_t)progress.rows),
      value_integer((int64_t)progress.bytes),
      value_integer((int64_t)progress.errors),
      position_text(progress.position, sink->arena),
      value_integer((int64_t)tree_count(version, relation->tree)),
      text_or_null(has_trouble ? open->trouble : NULL),
    };
    int status = row_sink_add(sink, row, types, error);
    if (status)
      return status;
  }
  return 0;
}

// source, position, text, reason, sqlstate, at
static int error_rows(struct partition *partition, const struct version *version, struct row_sink *sink, struct error *error)
{
  static const enum type_id types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_TIMESTAMPTZ};
  uint64_t at = 0;
  struct source_error found;
  while (flow_error_next(version, &at, &found)) {
    const struct relation *relation = catalog_find_oid(partition->catalog, version, found.source_oid);
    struct value row[] = {
      relation ? value_string(relation->name) : value_null(),
      position_text(found.position, sink->arena),
      value_bytes(found.text.data, (uint32_t)found.text.size),
      value_bytes(found.reason.data, (uint32_t)found.reason.size),
      value_string(found.sqlstate),
      value_integer(found.at),
    };
    int status = row_sink_add(sink, row, types, error);
    if (status)
      return status;
  }
  return 0;
}

// name, state, atoms, rows_in, rows_out
static int workflow_rows(struct partition *partition, const struct version *version, struct row_sink *sink, struct error *error)
{
  static const enum type_id types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_INT8, TYPE_INT8, TYPE_INT8};
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(partition->catalog, version, &oid))) {
    if (relation->kind != RELATION_WORKFLOW)
      continue;
    struct workflow_progress progress;
    flow_workflow_progress(version, relation->oid, &progress);
    struct value row[] = {
      value_string(relation->name),
      value_string(relation->state ? relation->state : "running"),
      value_integer((int64_t)progress.atoms),
      value_integer((int64_t)progress.rows_in),
      value_integer((int64_t)progress.rows_out),
    };
    int status = row_sink_add(sink, row, types, error);
    if (status)
      return status;
  }
  return 0;
}

static const char *lock_mode(const struct claim_view *view)
{
  static const char *const modes[] = {
    [CLAIM_KEY_SHARE] = "AccessShareLock",
    [CLAIM_SHARE] = "RowShareLock",
    [CLAIM_NO_KEY_UPDATE] = "ExclusiveLock",
    [CLAIM_UPDATE] = "AccessExclusiveLock",
    [CLAIM_TABLE_ACCESS_SHARE] = "AccessShareLock",
    [CLAIM_TABLE_ROW_SHARE] = "RowShareLock",
    [CLAIM_TABLE_ROW_EXCLUSIVE] = "RowExclusiveLock",
    [CLAIM_TABLE_SHARE_UPDATE_EXCLUSIVE] = "ShareUpdateExclusiveLock",
    [CLAIM_TABLE_SHARE] = "ShareLock",
    [CLAIM_TABLE_SHARE_ROW_EXCLUSIVE] = "ShareRowExclusiveLock",
    [CLAIM_TABLE_EXCLUSIVE] = "ExclusiveLock",
    [CLAIM_TABLE_ACCESS_EXCLUSIVE] = "AccessExclusiveLock",
  };
  if (view->tag.kind == CLAIM_ON_NUMBER)
    return view->mode == CLAIM_SHARE ? "ShareLock" : "ExclusiveLock";
  return modes[view->mode];
}

// As PostgreSQL's pg_locks: a row for each claim held or waited for.
static int lock_rows(struct partition *partition, struct row_sink *sink, struct error *error)
{
  static const enum type_id types[] = {
    TYPE_TEXT, TYPE_OID,  TYPE_OID,  TYPE_INT4, TYPE_INT2, TYPE_TEXT, TYPE_TEXT,    TYPE_OID,
    TYPE_OID,  TYPE_INT2, TYPE_TEXT, TYPE_INT4, TYPE_TEXT, TYPE_BOOLEAN, TYPE_BOOLEAN, TYPE_TIMESTAMPTZ};
  struct claim_walk walk = {0};
  struct claim_view view;
  while (claims_next(&partition->claims, &walk, &view)) {
    bool is_number = view.tag.kind == CLAIM_ON_NUMBER;
    const struct relation *relation = is_number ? NULL : partition_relation_of(partition, view.tag.tree);
    const struct session *session = view.claimant->is_source ? NULL : view.claimant->owner;
    uint64_t number = is_number ? get_be64(view.tag.key.data + 1) : 0;
    struct value row[16];
    for (int i = 0; i < 16; i++)
      row[i] = value_null();
    row[0] = value_string(is_number ? "advisory" : view.tag.kind == CLAIM_ON_TABLE ? "relation" : "tuple");
    if (relation)
      row[2] = value_integer(relation->oid);
    if (is_number) {
      row[7] = value_integer((int64_t)(number >> 32));
      row[8] = value_integer((int64_t)(number & UINT32_MAX));
      row[9] = value_integer(view.tag.key.data[0]);
    }
    if (session)
      row[11] = value_integer(session->settings.backend);
    row[12] = value_string(lock_mode(&view));
    row[13] = value_boolean(view.is_held);
    row[14] = value_boolean(false);
    int status = row_sink_add(sink, row, types, error);
    if (status)
      return status;
  }
  return 0;
}

struct metric_sink {
  struct row_sink *sink;
  int status;
  struct error *error;
};

void metric_add(struct metric_sink *metrics, const char *name, const char *labels, double value)
{
  static const enum type_id types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_FLOAT8};
  if (metrics->status)
    return;
  struct value row[] = {value_string(name), value_string(labels), value_float8(value)};
  metrics->status = row_sink_add(metrics->sink, row, types, metrics->error);
}

// name, labels, value
static int metric_rows(struct partition *partition, struct row_sink *sink, struct error *error)
{
  struct metric_sink metrics = {.sink = sink, .error = error};
  const struct trunk *trunk = &partition->trunk;
  metric_add(&metrics, "quern_statements_total", "", (double)partition->counts.statements);
  metric_add(&metrics, "quern_errors_total", "", (double)partition->counts.errors);
  metric_add(&metrics, "quern_groups_total", "", (double)partition->counts.groups);
  metric_add(&metrics, "quern_branches_total", "", (double)partition->counts.branches);
  metric_add(&metrics, "quern_jobs_total", "", (double)partition->counts.jobs);
  metric_add(&metrics, "quern_long_changes_total", "way=\"begun\"", (double)partition->counts.long_changes);
  metric_add(&metrics, "quern_long_changes_total", "way=\"attached\"", (double)partition->counts.long_attached);
  metric_add(&metrics, "quern_long_changes_total", "way=\"loop\"", (double)partition->counts.long_on_loop);
  metric_add(&metrics, "quern_long_change_rounds_total", "", (double)partition->counts.long_rounds);
  metric_add(&metrics, "quern_source_rows_total", "", (double)partition->counts.source_rows);
  metric_add(&metrics, "quern_source_atoms_total", "", (double)partition->counts.source_atoms);
  metric_add(&metrics, "quern_atoms_total", "outcome=\"committed\"", (double)trunk->counts.atoms);
  metric_add(&metrics, "quern_atoms_total", "outcome=\"aborted\"", (double)trunk->counts.aborted);
  metric_add(&metrics, "quern_commits_total", "way=\"adopted\"", (double)trunk->counts.adopted);
  metric_add(&metrics, "quern_commits_total", "way=\"rerun\"", (double)trunk->counts.rerun);
  metric_add(&metrics, "quern_commits_total", "way=\"failed\"", (double)trunk->counts.failed);
  metric_add(&metrics, "quern_script_steps_total", "way=\"run\"", (double)trunk->counts.steps_run);
  metric_add(&metrics, "quern_commit_rounds_total", "", (double)trunk->counts.rounds);
  metric_add(&metrics, "quern_script_steps_total", "way=\"kept\"", (double)trunk->counts.steps_kept);
  metric_add(&metrics, "quern_moves_total", "", (double)trunk->counts.moved);
  metric_add(&metrics, "quern_claim_waits_total", "", (double)partition->claims.counts.waits);
  metric_add(&metrics, "quern_claims_broken_total", "", (double)partition->claims.counts.broken);
  metric_add(&metrics, "quern_deadlocks_total", "", (double)partition->claims.counts.deadlocks);
  metric_add(&metrics, "quern_plan_cache_total", "result=\"hit\"", (double)partition->cache.hits);
  metric_add(&metrics, "quern_plan_cache_total", "result=\"miss\"", (double)partition->cache.misses);
  metric_add(&metrics, "quern_sessions", "", (double)partition->sessions.count);
  metric_add(&metrics, "quern_memory_bytes", "kind=\"used\"", (double)account_used(&partition->account));
  metric_add(&metrics, "quern_memory_bytes", "kind=\"peak\"", (double)account_peak(&partition->account));
  metric_add(&metrics, "quern_memory_bytes", "kind=\"retired\"", (double)store_retired_bytes(partition->store));
  metric_add(&metrics, "quern_position", "", (double)trunk->position);
  const struct partition_hooks *hooks = partition->options.hooks;
  if (hooks && hooks->metrics)
    hooks->metrics(hooks->context, &metrics);
  return metrics.status;
}

bool watermark_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                        int *status)
{
  if (strcmp(name, "quern_watermark") != 0)
    return false;
  const struct run_context *context = evaluation->context;
  const struct version *version = context->system->version;
  const struct relation *source =
    catalog_find_oid(context->partition->catalog, version, (uint32_t)arguments[0].integer);
  *status = 0;
  if (!source || source->kind != RELATION_SOURCE) {
    *status = error_set(evaluation->error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not a source", source ? source->name : "");
    return true;
  }
  int64_t watermark;
  *result = flow_watermark(context->partition->flow, version, source, &watermark) ? value_integer(watermark) : value_null();
  return true;
}

int partition_figures(struct system_context *system, const char *table, struct row_sink *sink, struct error *error)
{
  struct partition *partition = system->context;
  const struct version *trunk = store_trunk(partition->store);
  if (strcmp(table, "sources") == 0)
    return source_rows(partition, trunk, sink, error);
  if (strcmp(table, "sinks") == 0)
    return sink_rows(partition, trunk, sink, error);
  bool is_private = strcmp(table, "source_errors") == 0; // it has rows that did not come through
  if (is_private && !role_has(system->version, system->settings->role, ROLE_READ_ALL_STATS, NULL))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for view source_errors");
  if (is_private)
    return error_rows(partition, trunk, sink, error);
  if (strcmp(table, "workflows") == 0)
    return workflow_rows(partition, trunk, sink, error);
  if (strcmp(table, "pg_locks") == 0)
    return lock_rows(partition, sink, error);
  if (strcmp(table, "metrics") == 0)
    return metric_rows(partition, sink, error);
  return activity_figures(system, table, sink, error);
}
