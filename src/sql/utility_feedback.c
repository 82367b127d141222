// Whether rows that a workflow inserts into sources would come back to its own: from source to source, by the INSERTs
// of the workflows that are there.
//
// Each source is visited once, so the search ends; the way that led there is kept to tell it.
#include "sql/utility_internal.h"

struct step {
  const struct relation *source;   // rows come here …
  const struct relation *workflow; // … by this workflow; NULL: by the one that is being made
  const struct step *from;         // … from there
};

struct search {
  const struct utility_input *input;
  const struct relation *definition, *origin;
  const struct step **steps; // found so far, in this order
  int count, capacity;
};

static bool add_step(struct search *search, const struct relation *source, const struct relation *workflow,
                     const struct step *from)
{
  for (int i = 0; i < search->count; i++)
    if (search->steps[i]->source->oid == source->oid)
      return true;
  struct step *step = ARENA_NEW(search->input->arena, struct step);
  if (search->count == search->capacity) {
    int capacity = 2 * search->capacity + 8;
    const struct step **grown = ARENA_ARRAY(search->input->arena, const struct step *, capacity);
    if (!grown)
      return false;
    if (search->count)
      memcpy(grown, search->steps, sizeof *grown * (size_t)search->count);
    search->steps = grown;
    search->capacity = capacity;
  }
  if (!step)
    return false;
  *step = (struct step){.source = source, .workflow = workflow, .from = from};
  search->steps[search->count++] = step;
  return true;
}

// The sources into which statements insert; they are among the workflow's dependencies.
static int add_targets(struct search *search, const struct relation *workflow, const struct parsed *statements,
                       int count, const struct step *from, struct error *error)
{
  const struct utility_input *input = search->input;
  for (int i = 0; i < count; i++) {
    const PgQuery__Node *node = statements[i].node;
    if (!node || node->node_case != PG_QUERY__NODE__NODE_INSERT_STMT)
      continue;
    for (int k = 0; k < workflow->dependency_count; k++) {
      const struct relation *target =
          catalog_find_oid(input->catalog, input->writer->version, workflow->dependencies[k]);
      if (target && target->kind == RELATION_SOURCE &&
          strcmp(target->name, node->insert_stmt->relation->relname) == 0 &&
          !add_step(search, target, workflow == search->definition ? NULL : workflow, from))
        return error_memory(error);
    }
  }
  return 0;
}

static int follow(struct search *search, const struct step *from, struct error *error)
{
  const struct utility_input *input = search->input;
  uint32_t oid = 0;
  const struct relation *workflow;
  int status = 0;
  while (!status && (workflow = catalog_next(input->catalog, input->writer->version, &oid))) {
    if (workflow->kind != RELATION_WORKFLOW || workflow->oid == search->definition->oid ||
        workflow->dependency_count == 0 || workflow->dependencies[0] != from->source->oid)
      continue;
    struct parse *parse = parse_open(bytes_of_string(workflow->text), error);
    if (!parse)
      return error->status;
    status = add_targets(search, workflow, parse->statements, parse->statement_count, from, error);
    parse_close(parse);
  }
  return status;
}

static void tell_way(const struct step *step, struct buffer *text)
{
  if (!step->workflow)
    return;
  tell_way(step->from, text);
  buffer_format(text, "%sworkflow %s takes rows from source %s to source %s", text->size ? "\n" : "",
                step->workflow->name, step->from->source->name, step->source->name);
}

static int refuse(const struct search *search, const struct step *last, struct error *error)
{
  int status =
      utility_error(search->input, error, search->input->parsed->body[0].start, SQLSTATE_INVALID_TABLE_DEFINITION,
                    "the workflow would feed its own source \"%s\"", search->origin->name);
  struct buffer text = {0};
  tell_way(last, &text);
  if (text.size && !text.failed)
    error_detail(error, "%.*s", (int)text.size, (const char *)text.data);
  buffer_deinit(&text);
  return status;
}

int workflow_feedback(const struct utility_input *input, const struct relation *definition,
                      const struct relation *origin, struct error *error)
{
  struct search search = {.input = input, .definition = definition, .origin = origin};
  int status = add_targets(&search, definition, input->parsed->body, input->parsed->body_count, NULL, error);
  for (int i = 0; i < search.count && !status; i++) {
    if (search.steps[i]->source->oid == origin->oid)
      return refuse(&search, search.steps[i], error);
    status = follow(&search, search.steps[i], error);
  }
  return status;
}
