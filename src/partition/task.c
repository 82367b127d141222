// Workflows' statements, and sinks' queries, as tasks of flow/: bound and planned once, run for each row or each atom.
#include <stdlib.h>

#include "base/sqlstate.h"
#include "partition/state.h"

enum { TASK_STATEMENTS = 64 };

struct task {
  struct partition *partition;
  const struct relation *sink; // where the rows of its query go; NULL: a workflow. Pinned by flow/ as long as the task
  struct settings settings; // the owner's, with defaults
  int count;
  struct prepared *prepared[TASK_STATEMENTS];
  struct execution *executions[TASK_STATEMENTS];
};

static void task_close(void *context, struct task *task)
{
  for (int i = 0; i < task->count; i++) {
    execution_close(task->executions[i]);
    prepared_release(task->prepared[i]);
  }
  free(task);
}

static int add_statement(struct task *task, struct writer *writer, const struct relation *source, const struct parsed *parsed,
                         bool *takes_atom, struct error *error)
{
  struct partition *partition = task->partition;
  struct prepared_input input = {
    .version = writer->version,
    .settings = &task->settings,
    .text = parsed->text,
    .source = source,
  };
  struct prepared *prepared;
  int status = prepared_get(&partition->cache, &input, &prepared, error);
  if (status)
    return status;
  bool is_select = prepared->statement && prepared->statement->kind == STATEMENT_SELECT;
  if (!prepared->statement || is_select != (task->sink != NULL) || task->count == TASK_STATEMENTS) {
    prepared_release(prepared);
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "a workflow's statements are INSERT, UPDATE, DELETE and MERGE, at most %d",
                     TASK_STATEMENTS);
  }
  *takes_atom |= prepared->statement->takes_atom;
  task->prepared[task->count] = prepared;
  task->executions[task->count++] = execution_open(prepared->plan, &prepared->account);
  return task->executions[task->count - 1] ? 0 : error_memory(error);
}

static int task_open(void *context, struct writer *writer, const struct relation *workflow, const struct relation *source,
                     struct task **result, bool *takes_atom, struct error *error)
{
  struct partition *partition = context;
  struct task *task = calloc(1, sizeof *task);
  if (!task)
    return error_memory(error);
  task->partition = partition;
  task->sink = workflow->kind == RELATION_SINK ? workflow : NULL;
  settings_init(&task->settings);
  task->settings.role = task->settings.session_role = task->settings.login_role = workflow->owner;
  *takes_atom = false;
  struct parse *parse = parse_open(bytes_of_string(workflow->text), error);
  int status = parse ? 0 : error->status;
  for (int i = 0; !status && i < parse->statement_count; i++)
    if (parse->statements[i].node)
      status = add_statement(task, writer, source, &parse->statements[i], takes_atom, error);
  parse_close(parse);
  if (status)
    task_close(context, task);
  else
    *result = task;
  return status;
}

static int push_rows(void *context, struct writer *writer, const struct relation *source, const struct row_batch *rows,
                     struct error *error)
{
  struct run_context *run = context;
  return flow_push(run->partition->flow, writer, source, rows, error);
}

static int task_run(void *context, struct task *task, struct writer *writer, const struct row_batch *rows, uint64_t *rows_out,
                    struct error *error)
{
  struct partition *partition = context;
  struct run run;
  int64_t now = partition->time.wall;
  run_init(&run, partition, &task->settings, writer->version, writer->arena, now, now, random_next(&partition->random), error);
  numbering_attach(&run, NULL, writer->numbers, false);
  run.context.writer = writer;
  run.context.said_from = change_mark(writer->changes);
  struct evaluation *outer = writer->evaluation;
  writer->evaluation = &run.evaluation;
  struct execution_input input = {
    .version = writer->version,
    .writer = writer,
    .settings = &task->settings.format,
    .hooks = &run_hooks,
    .context = &run.context,
    .now = now,
    .statement_now = now,
    .clock_now = now,
    .mark = writer->mark,
    .source = rows,
    .push = push_rows,
    .system = &run.system,
  };
  int status = 0;
  *rows_out = 0;
  for (int i = 0; !status && i < task->count; i++) {
    const struct value *row;
    status = execution_start(task->executions[i], &input, error);
    while (!status && (status = execution_next(task->executions[i], &row, error)) > 0)
      status = task->sink ? table_insert(writer, task->sink, row, -1, NULL, NULL) : 0;
    *rows_out += execution_row_count(task->executions[i]);
    execution_stop(task->executions[i]);
  }
  writer->evaluation = outer;
  return status;
}

const struct flow_hooks task_hooks = {.task_open = task_open, .task_close = task_close, .task_run = task_run};
