// CREATE, ALTER and DROP SCHEMA, and SET SCHEMA of what is in one.
#include <stdio.h>

#include "sql/system_internal.h"
#include "sql/utility_internal.h"
#include "sql/view.h"
#include "table/namespace.h"
#include "table/right.h"

static int reserved(const char *name, struct error *error)
{
  if (strncmp(name, "pg_", 3) != 0)
    return 0;
  int status = error_set(error, SQLSTATE_RESERVED_NAME, "unacceptable schema name \"%s\"", name);
  error_detail(error, "The prefix \"pg_\" is reserved for system schemas.");
  return status;
}

static int find_schema(const struct utility_input *input, const char *name, uint32_t *oid, struct error *error)
{
  *oid = catalog_schema(input->catalog, input->writer->version, name);
  return *oid ? 0 : error_set(error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
}

static int must_own(const struct utility_input *input, uint32_t oid, const char *name, struct error *error)
{
  const struct version *version = input->writer->version;
  if (role_has(version, input->settings->role, schema_owner(version, oid), input->writer->mark))
    return 0;
  return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be owner of schema %s", name);
}

static bool is_built_in(uint32_t oid)
{
  return oid == SCHEMA_PG_CATALOG || oid == SCHEMA_QUERN || oid == SCHEMA_INFORMATION;
}

// --- CREATE ---------------------------------------------------------------------------------------------------------

int schema_create(const struct utility_input *input, const PgQuery__CreateSchemaStmt *create, struct error *error)
{
  struct role owner = {.oid = input->settings->role};
  struct right_object database;
  const char *name = create->schemaname;
  uint32_t oid;
  int status = 0;
  if (create->authrole)
    status = role_of_spec(input, create->authrole, &owner, error);
  if (!status && !utility_text_given(name))
    name = create->authrole && utility_text_given(create->authrole->rolename) ? create->authrole->rolename : owner.name;
  if (status)
    return status;
  if (!right_object_find(input->writer->version, CLASS_DATABASE, OID_DATABASE, input->arena, &database))
    return error_memory(error);
  if (!(rights_held(input->writer->version, input->settings->role, &database, -1, input->writer->mark) & RIGHT_CREATE))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for database %s", input->settings->database);
  if (!role_has(input->writer->version, input->settings->role, owner.oid, input->writer->mark))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be member of role \"%s\"", owner.name);
  if (create->n_schema_elts)
    return utility_unsupported(input, error, -1, "elements in CREATE SCHEMA are");
  status = reserved(name, error);
  if (!status && create->if_not_exists && catalog_schema(input->catalog, input->writer->version, name)) {
    utility_notice(input, SQLSTATE_DUPLICATE_SCHEMA, "schema \"%s\" already exists, skipping", name);
    return 0;
  }
  const char *acl = NULL;
  if (!status)
    status = namespace_create(input->writer, name, owner.oid, &oid);
  if (!status && rights_of_new(input->writer->version, CLASS_SCHEMA, owner.oid, 0, input->arena, &acl))
    status = error_memory(error);
  return status || !acl ? status : rights_put(input->writer, CLASS_SCHEMA, oid, acl);
}

// --- DROP -----------------------------------------------------------------------------------------------------------

struct content {
  const struct relation **relations;
  int count, capacity;
};

static int gather(const struct utility_input *input, uint32_t schema, struct content *content, struct error *error)
{
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(input->catalog, input->writer->version, &oid))) {
    bool goes_along = relation->kind == RELATION_SEQUENCE && relation->sequence.owner;
    if (relation->schema_oid != schema || goes_along)
      continue;
    if (content->count == content->capacity) {
      int capacity = 2 * content->capacity + 16;
      const struct relation **grown = ARENA_ARRAY(input->arena, const struct relation *, capacity);
      if (!grown)
        return error_memory(error);
      if (content->count)
        memcpy(grown, content->relations, sizeof *grown * (size_t)content->count);
      content->relations = grown;
      content->capacity = capacity;
    }
    content->relations[content->count++] = relation;
  }
  return 0;
}

// What depends on the relation and stands elsewhere.
static int others_lines(const struct utility_input *input, const struct content *content, int i, struct buffer *lines,
                        struct error *error)
{
  const struct relation *relation = content->relations[i], *other;
  uint32_t oid = 0;
  if (relation->kind == RELATION_TYPE)
    return type_release(input, content->relations, content->count, i, false, lines, error);
  int status = catalog_dependent(input->writer, relation->oid, &oid, &other);
  while (!status && other) {
    if (other->schema_oid != relation->schema_oid)
      buffer_format(lines, "\n%s %s depends on %s %s", relation_kind_name(other->kind),
                    catalog_shown(input->writer, other).text, relation_kind_name(relation->kind),
                    catalog_shown(input->writer, relation).text);
    status = catalog_dependent(input->writer, relation->oid, &oid, &other);
  }
  return status;
}

static int refuse_content(const struct utility_input *input, const struct content *content, const char *schema,
                          struct error *error)
{
  struct buffer lines = {0};
  int status = 0;
  for (int i = 0; i < content->count && lines.size < 256 && !status; i++) {
    buffer_format(&lines, "%s%s %s depends on schema %s", i ? "\n" : "",
                  relation_kind_name(content->relations[i]->kind), catalog_shown(input->writer, content->relations[i]).text, schema);
    status = others_lines(input, content, i, &lines, error);
  }
  if (status) {
    buffer_deinit(&lines);
    return status;
  }
  status = error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                     "cannot drop schema %s because other objects depend on it", schema);
  error_detail(error, "%.*s", (int)lines.size, (const char *)lines.data);
  error_hint(error, "Use DROP ... CASCADE to drop the dependent objects too.");
  buffer_deinit(&lines);
  return status;
}

// Columns, defaults and checks of tables elsewhere that need the schema's types go before the types. Lines for all.
static int release_content(const struct utility_input *input, const struct content *content, struct buffer *dropped,
                           struct error *error)
{
  uint32_t *oids = ARENA_ARRAY(input->arena, uint32_t, content->count + 1);
  if (!oids)
    return error_memory(error);
  for (int i = 0; i < content->count; i++)
    oids[i] = content->relations[i]->oid;
  int status = 0;
  for (int i = 0; i < content->count && !status; i++) {
    const struct relation *relation = catalog_find_oid(input->catalog, input->writer->version, oids[i]);
    if (!relation)
      continue; // it went with a column
    buffer_format(dropped, "%s %s\n", relation_kind_name(relation->kind), catalog_shown(input->writer, relation).text);
    content->relations[i] = relation;
    status = relation->kind == RELATION_TYPE
               ? type_release(input, content->relations, content->count, i, true, dropped, error)
               : table_refuse_pending(input->writer, relation, "DROP SCHEMA");
  }
  return status;
}

static int drop_content(const struct utility_input *input, uint32_t schema, const struct content *content,
                        struct error *error)
{
  struct buffer dropped = {0};
  struct content left = {0};
  int status = release_content(input, content, &dropped, error);
  if (!status)
    status = gather(input, schema, &left, error);
  if (!status)
    status = catalog_drop_all(input->writer, left.relations, left.count, true, &dropped);
  if (!status)
    drop_notice(input, &dropped);
  bool failed = dropped.failed;
  buffer_deinit(&dropped);
  return status ? status : failed ? error_memory(error) : 0;
}

int schema_drop(const struct utility_input *input, uint32_t oid, const char *name, bool cascade, struct error *error)
{
  struct content content = {0};
  int status = gather(input, oid, &content, error);
  if (!status && content.count)
    status = cascade ? drop_content(input, oid, &content, error) : refuse_content(input, &content, name, error);
  return status ? status : namespace_drop(input->writer, oid);
}

static int drop_schema(const struct utility_input *input, const char *name, const PgQuery__DropStmt *drop,
                       struct error *error)
{
  uint32_t oid = catalog_schema(input->catalog, input->writer->version, name);
  if (!oid && drop->missing_ok) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "schema \"%s\" does not exist, skipping", name);
    return 0;
  }
  int status = find_schema(input, name, &oid, error);
  if (!status && is_built_in(oid))
    return error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                     "cannot drop schema %s because it is required by the database system", name);
  if (!status)
    status = must_own(input, oid, name, error);
  bool cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  return status ? status : schema_drop(input, oid, name, cascade, error);
}

int schemas_drop(const struct utility_input *input, const PgQuery__DropStmt *drop, struct error *error)
{
  int status = 0;
  for (size_t i = 0; i < drop->n_objects && !status; i++)
    status = drop_schema(input, utility_string(drop->objects[i]), drop, error);
  return status;
}

// --- ALTER ----------------------------------------------------------------------------------------------------------

int schema_rename(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error)
{
  uint32_t oid, at = 0;
  const struct relation *view;
  int status = find_schema(input, rename->subname, &oid, error);
  if (!status)
    status = must_own(input, oid, rename->subname, error);
  if (!status)
    status = reserved(rename->newname, error);
  if (!status && is_built_in(oid))
    status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to rename schema \"%s\"", rename->subname);
  if (!status)
    status = namespace_rename(input->writer, oid, rename->newname);
  struct view_change change = {.kind = VIEW_SCHEMA_RENAMED, .schema = rename->subname, .to_schema = rename->newname};
  while (!status && (view = catalog_next(input->catalog, input->writer->version, &at)))
    if (view->kind == RELATION_VIEW)
      status = view_follow(input, view, &change, error);
  return status;
}

int schema_change_owner(const struct utility_input *input, const PgQuery__AlterOwnerStmt *alter, struct error *error)
{
  struct role owner;
  uint32_t oid;
  const char *name = utility_string(alter->object);
  int status = find_schema(input, name, &oid, error);
  if (!status)
    status = must_own(input, oid, name, error);
  if (!status)
    status = role_of_spec(input, alter->newowner, &owner, error);
  if (!status && !role_has(input->writer->version, input->settings->role, owner.oid, input->writer->mark))
    status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be member of role \"%s\"", owner.name);
  return status ? status : namespace_give(input->writer, oid, owner.oid);
}

// Moves the relation, and the sequences that its columns own, to another schema.
static int move(const struct utility_input *input, const struct relation *relation, uint32_t schema, const char *to,
                struct error *error)
{
  struct relation *definition = catalog_copy(relation, input->arena);
  if (!definition)
    return error_memory(error);
  if (catalog_name(input->catalog, input->writer->version, schema, relation->name))
    return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists in schema \"%s\"", relation->name, to);
  struct view_change change = {
      .kind = VIEW_TABLE_MOVED,
      .schema = catalog_schema_name(input->catalog, input->writer->version, relation->schema_oid),
      .table = definition->name,
      .to_schema = to,
      .to = definition->name,
  };
  definition->schema_oid = schema;
  int status = catalog_replace(input->catalog, input->writer, definition, error);
  if (!status)
    status = views_follow(input, definition->oid, &change, error);
  uint32_t oid = 0;
  const struct relation *sequence;
  while (!status && (sequence = catalog_next(input->catalog, input->writer->version, &oid)))
    if (sequence->kind == RELATION_SEQUENCE && sequence->sequence.owner == definition->oid)
      status = move(input, sequence, schema, to, error);
  return status;
}

int relation_set_schema(const struct utility_input *input, const PgQuery__AlterObjectSchemaStmt *alter,
                        struct error *error)
{
  const struct relation *relation;
  uint32_t schema;
  const char *kinds = alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? "v"
                      : alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "S"
                                                                                     : "rvS";
  int status = utility_find(input, alter->relation, kinds, alter->missing_ok, &relation, error);
  if (status || !relation)
    return status;
  PgQuery__RangeVar name = *alter->relation;
  name.schemaname = alter->newschema;
  name.location = -1;
  status = utility_schema(input, &name, &schema, error);
  if (!status && (relation_is_temporary(relation) || schema_is_temporary(schema)))
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot move objects into or out of temporary schemas");
  if (!status && relation->kind == RELATION_SEQUENCE && relation->sequence.owner)
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot move an owned sequence into another schema");
  if (status || schema == relation->schema_oid)
    return status;
  uint32_t oid = relation->oid;
  status = move(input, relation, schema, alter->newschema, error);
  relation = status ? NULL : catalog_find_oid(input->catalog, input->writer->version, oid);
  return status || !relation ? status : workflows_check(input, relation, error);
}
