// The catalog: finding definitions, and the cache of decoded ones.
//
// 1. A definition's row never changes without a fresh stamp, so (oid, stamp) names its decoded form for ever: a branch
//    that changed a definition finds its own, the trunk its own, in one cache.
// 2. Counters (object ids, tree numbers, stamps, hidden row numbers) belong to the catalog and not to a version:
//    what was drawn is never drawn again, whatever is undone.
// 3. A tree belongs to one relation for ever.
#include "table/catalog.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "table/definition.h"
#include "table/internal.h"
#include "table/namespace.h"
#include "table/right.h"

enum { RELATION_MEMORY = sizeof(struct relation) };

struct catalog *catalog_open(struct memory_account *account, const struct catalog_hooks *hooks)
{
  struct catalog *catalog = calloc(1, sizeof *catalog);
  if (!catalog)
    return NULL;
  catalog->account = account;
  if (hooks)
    catalog->hooks = *hooks;
  catalog->next_oid = OID_FIRST_USER;
  catalog->next_tree = TREE_FIRST_USER;
  catalog->next_stamp = 1;
  arena_init(&catalog->scratch.arena, account);
  catalog->scanned = UINT64_MAX;
  return catalog;
}

static void scratch_deinit(struct table_scratch *scratch)
{
  buffer_deinit(&scratch->key);
  buffer_deinit(&scratch->new_key);
  buffer_deinit(&scratch->old_key);
  buffer_deinit(&scratch->row);
  buffer_deinit(&scratch->old_row);
  buffer_deinit(&scratch->index_key);
  buffer_deinit(&scratch->other_key);
  buffer_deinit(&scratch->conflict_key);
  buffer_deinit(&scratch->reference_key);
  buffer_deinit(&scratch->text);
  arena_deinit(&scratch->arena);
  free(scratch->values);
  free(scratch->old_values);
}

bool scratch_values(struct table_scratch *scratch, int count)
{
  if (count <= scratch->value_count)
    return true;
  struct value *values = realloc(scratch->values, (size_t)count * sizeof *values);
  if (!values)
    return false;
  scratch->values = values;
  struct value *old_values = realloc(scratch->old_values, (size_t)count * sizeof *old_values);
  if (!old_values)
    return false;
  scratch->old_values = old_values;
  scratch->value_count = count;
  return true;
}

void catalog_close(struct catalog *catalog)
{
  if (!catalog)
    return;
  size_t at = 0;
  for (struct map_entry *entry; (entry = map_next(&catalog->cache, &at));)
    relation_unpin(entry->value);
  map_deinit(&catalog->cache);
  at = 0;
  for (struct map_entry *entry; (entry = map_next(&catalog->schema_names, &at));)
    free(entry->value);
  map_deinit(&catalog->schema_names);
  scratch_deinit(&catalog->scratch);
  buffer_deinit(&catalog->drawn);
  free(catalog->trees);
  free(catalog);
}

// --- Trees and counters ---------------------------------------------------------------------------

struct tree_info *catalog_tree_info(struct catalog *catalog, tree_number tree)
{
  if (tree < catalog->tree_capacity)
    return &catalog->trees[tree];
  size_t capacity = catalog->tree_capacity ? catalog->tree_capacity * 2 : 128;
  while (capacity <= tree)
    capacity *= 2;
  struct tree_info *trees = realloc(catalog->trees, capacity * sizeof *trees);
  if (!trees)
    return NULL;
  memset(trees + catalog->tree_capacity, 0, (capacity - catalog->tree_capacity) * sizeof *trees);
  catalog->trees = trees;
  catalog->tree_capacity = capacity;
  return &trees[tree];
}

static void count_relation(struct catalog *catalog, const struct relation *relation)
{
  if (relation->oid >= catalog->next_oid)
    catalog->next_oid = relation->oid + 1;
  if (relation->stamp >= catalog->next_stamp)
    catalog->next_stamp = relation->stamp + 1;
  if (relation->tree >= catalog->next_tree)
    catalog->next_tree = relation->tree + 1;
  for (int i = 0; i < relation->index_count; i++) {
    if (relation->indexes[i].oid >= catalog->next_oid)
      catalog->next_oid = relation->indexes[i].oid + 1;
    if (relation->indexes[i].tree >= catalog->next_tree)
      catalog->next_tree = relation->indexes[i].tree + 1;
  }
  for (int i = 0; i < relation->foreign_key_count; i++)
    if (relation->foreign_keys[i].oid >= catalog->next_oid)
      catalog->next_oid = relation->foreign_keys[i].oid + 1;
  for (int i = 0; i < relation->labels.count; i++)
    if (relation->labels.labels[i].oid >= catalog->next_oid)
      catalog->next_oid = relation->labels.labels[i].oid + 1;
}

void catalog_recover(struct catalog *catalog, const struct version *version)
{
  tree_number limit = version_tree_limit(version);
  if (limit > catalog->next_tree)
    catalog->next_tree = limit;
  uint32_t oid = 0;
  for (const struct relation *relation; (relation = catalog_next(catalog, version, &oid));)
    count_relation(catalog, relation);
  uint32_t limits[] = {role_oid_limit(version), namespace_oid_limit(version)};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
    if (limits[i] > catalog->next_oid)
      catalog->next_oid = limits[i];
}

uint64_t catalog_row_number(struct catalog *catalog, const struct version *version, const struct relation *relation)
{
  struct tree_info *info = catalog_tree_info(catalog, relation->tree);
  if (!info)
    return 0;
  if (!info->row_number) {
    // Nothing was drawn since the start, so every row that there is came from the disk and is in the trunk.
    struct cursor cursor;
    cursor_init(&cursor, store_trunk(version_store(version)), relation->tree, NULL);
    if (cursor_seek_before(&cursor, (struct bytes){0}) && cursor.key.size == 8)
      info->row_number = get_be64(cursor.key.data);
    cursor_deinit(&cursor);
  }
  return ++info->row_number;
}

bool catalog_give_row_numbers(struct catalog *from, const struct version *version, const struct relation *relation,
                              struct catalog *to)
{
  uint64_t number = catalog_row_number(from, version, relation);
  struct tree_info *own = number ? catalog_tree_info(from, relation->tree) : NULL;
  struct tree_info *other = own ? catalog_tree_info(to, relation->tree) : NULL;
  if (!other)
    return false;
  other->row_number = number;
  own->row_number += (uint64_t)1 << 32;
  return true;
}

// --- The cache ------------------------------------------------------------------------------------

struct cache_key {
  uint8_t bytes[12];
};

static struct cache_key cache_key(uint32_t oid, uint64_t stamp)
{
  struct cache_key key;
  put_le32(key.bytes, oid);
  put_le64(key.bytes + 4, stamp);
  return key;
}

static int decode(struct catalog *catalog, struct bytes row, uint32_t oid, struct relation **out, struct error *error)
{
  struct relation *relation = calloc(1, RELATION_MEMORY);
  if (!relation)
    return error_memory(error);
  relation->references = 1;
  arena_init(&relation->arena, catalog->account);
  int status = definition_decode(row, &relation->arena, relation, error);
  if (!status && relation->oid != oid)
    status = error_set(error, SQLSTATE_DATA_CORRUPTED, "malformed definition in the catalog");
  if (!status && relation->tree) {
    struct tree_info *info = catalog_tree_info(catalog, relation->tree);
    if (info)
      info->oid = oid;
    else
      status = error_memory(error);
  }
  struct cache_key key = cache_key(oid, relation->stamp);
  if (!status && !map_put(&catalog->cache, bytes_of(key.bytes, sizeof key.bytes), relation))
    status = error_memory(error);
  if (status) {
    relation_unpin(relation);
    return status;
  }
  *out = relation;
  return STATUS_OK;
}

int catalog_load(struct catalog *catalog, const struct version *version, uint32_t oid, struct read_mark *mark,
                 const struct relation **relation, struct error *error)
{
  *relation = NULL;
  uint8_t oid_key[4];
  put_be32(oid_key, oid);
  struct bytes row;
  if (!tree_get(version, TREE_RELATIONS, bytes_of(oid_key, 4), &row, mark))
    return STATUS_OK;
  uint64_t stamp;
  if (!definition_stamp(row, &stamp))
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "malformed definition in the catalog");
  struct cache_key key = cache_key(oid, stamp);
  struct relation *found = map_get(&catalog->cache, bytes_of(key.bytes, sizeof key.bytes));
  int status = found ? STATUS_OK : decode(catalog, row, oid, &found, error);
  *relation = found;
  return status;
}

static int compile_one(struct catalog *catalog, const struct compile_input *input, struct expression_text *compiled,
                       struct error *error)
{
  if (!input->text || compiled->program)
    return STATUS_OK;
  if (!catalog->hooks.compile)
    return error_set(error, SQLSTATE_INTERNAL_ERROR, "no compiler for the expressions of \"%s\"", input->relation->name);
  return catalog->hooks.compile(catalog->hooks.context, input, compiled, error);
}

static int compile_domains(struct catalog *catalog, const struct version *version, struct relation *relation,
                           struct error *error)
{
  int count = relation->schema.column_count, status = STATUS_OK;
  relation->domains = ARENA_ARRAY(&relation->arena, const struct domain_test *, count);
  if (!relation->domains)
    return error_memory(error);
  for (int i = 0; i < count && !status; i++) {
    const struct column *column = &relation->schema.columns[i];
    if (!column->domain || column->is_dropped)
      continue;
    status = catalog_domain(catalog, version, column->domain, column->type, &relation->arena, &relation->domains[i], error);
    const struct relation *domain = status ? NULL : catalog_find_oid(catalog, version, column->domain);
    struct compile_input input = {version, domain, NULL, column->type, &relation->arena};
    if (domain && !type_is_array(column->type.id) && !relation->defaults[i].text)
      input.text = domain->defaults[0].text; // unless the column has one of its own
    if (!status)
      status = compile_one(catalog, &input, &relation->defaults[i], error);
  }
  return status;
}

int catalog_compile(struct catalog *catalog, const struct version *version, const struct relation *relation,
                    struct error *error)
{
  if (relation->is_compiled)
    return STATUS_OK;
  struct relation *own = (struct relation *)relation; // the owner thread's to change; nobody else looks at this
  struct compile_input input = {version, relation, NULL, type_plain(TYPE_BOOLEAN), &own->arena};
  int status = relation->has_domains && relation->kind != RELATION_TYPE
                   ? compile_domains(catalog, version, own, error)
                   : STATUS_OK;
  for (int i = 0; i < relation->check_count && !status; i++) {
    input.text = relation->checks[i].check.text;
    status = compile_one(catalog, &input, &own->checks[i].check, error);
  }
  for (int i = 0; relation->defaults && i < relation->schema.column_count && !status; i++) {
    input.text = relation->defaults[i].text;
    input.want = relation->schema.columns[i].type;
    status = compile_one(catalog, &input, &own->defaults[i], error);
  }
  for (int i = 0; i < relation->expression_count && !status; i++) {
    input.text = relation->expressions[i].text;
    input.want = relation->schema.columns[relation->schema.column_count + i].type;
    status = compile_one(catalog, &input, &own->expressions[i], error);
  }
  for (int i = 0; i < relation->index_count && !status; i++) // the arena is the owner thread's, as is_compiled
    if (relation->indexes[i].is_computed && !relation->indexes[i].reads &&
        !index_note_reads(relation, &relation->indexes[i], &own->arena))
      return error_memory(error);
  own->is_compiled = !status;
  return status;
}

int catalog_domain(struct catalog *catalog, const struct version *version, uint32_t oid, struct type type,
                   struct arena *arena, const struct domain_test **test, struct error *error)
{
  const struct relation *domain;
  int status = catalog_load(catalog, version, oid, NULL, &domain, error);
  if (status)
    return status;
  if (!domain || domain->kind != RELATION_TYPE || domain->type_kind != TYPE_IS_DOMAIN)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", oid);
  const struct column *value = &domain->schema.columns[0];
  struct domain_test *own = ARENA_NEW(arena, struct domain_test);
  struct domain_check *checks = ARENA_ARRAY(arena, struct domain_check, domain->check_count + 1);
  const char *schema = catalog_schema_name(catalog, version, domain->schema_oid);
  if (!own || !checks || !(own->name = arena_string(arena, domain->name)) ||
      !(own->schema = arena_string(arena, schema ? schema : "")))
    return error_memory(error);
  own->is_of_elements = type_is_array(type.id) && !type_is_array(value->type.id);
  own->type = type;
  own->not_null = value->not_null;
  own->check_count = domain->check_count;
  own->checks = checks;
  struct compile_input input = {version, domain, NULL, type_plain(TYPE_BOOLEAN), arena};
  for (int i = 0; i < domain->check_count && !status; i++) {
    input.text = domain->checks[i].check.text;
    struct expression_text compiled = {0};
    checks[i].name = arena_string(arena, domain->checks[i].name);
    status = checks[i].name ? compile_one(catalog, &input, &compiled, error) : error_memory(error);
    checks[i].program = compiled.program;
  }
  if (!status && value->domain)
    status = catalog_domain(catalog, version, value->domain, value->type, arena, &own->below, error);
  *test = own;
  return status;
}

const struct enum_type *catalog_enum(struct catalog *catalog, const struct version *version, uint32_t oid,
                                     struct read_mark *mark)
{
  const struct relation *relation;
  struct error ignored;
  if (catalog_load(catalog, version, oid, mark, &relation, &ignored) || !relation || relation->kind != RELATION_TYPE ||
      relation->type_kind != TYPE_IS_ENUM)
    return NULL;
  return &relation->labels;
}

const struct row_type *catalog_row(struct catalog *catalog, const struct version *version, uint32_t oid,
                                   struct read_mark *mark)
{
  const struct relation *relation;
  struct error ignored;
  if (catalog_load(catalog, version, oid, mark, &relation, &ignored) || !relation || !relation_has_row_type(relation))
    return NULL;
  return &relation->row;
}

void catalog_collect(struct catalog *catalog, const struct version *version)
{
  size_t at = 0;
  for (struct map_entry *entry; (entry = map_next(&catalog->cache, &at));) {
    struct relation *relation = entry->value;
    uint8_t oid_key[4];
    put_be32(oid_key, relation->oid);
    struct bytes row;
    uint64_t stamp;
    bool is_current = tree_get(version, TREE_RELATIONS, bytes_of(oid_key, 4), &row, NULL) &&
                      definition_stamp(row, &stamp) && stamp == relation->stamp;
    if (is_current || relation->references > 1)
      continue;
    struct tree_info *info = relation->tree ? catalog_tree_info(catalog, relation->tree) : NULL;
    if (info && info->relation == relation)
      info->relation = NULL;
    struct cache_key key = cache_key(relation->oid, relation->stamp);
    map_remove(&catalog->cache, bytes_of(key.bytes, sizeof key.bytes));
    relation_unpin(relation);
  }
}

const struct relation *catalog_find_oid(struct catalog *catalog, const struct version *version, uint32_t oid)
{
  const struct relation *relation;
  struct error error;
  if (catalog_load(catalog, version, oid, NULL, &relation, &error) || !relation)
    return NULL;
  // The write path compiles again where this failed, and says why.
  (void)catalog_compile(catalog, version, relation, &error);
  return relation;
}

bool catalog_share(struct catalog *from, const struct version *version, const struct relation *relation, struct catalog *to)
{
  struct cache_key cached = cache_key(relation->oid, relation->stamp);
  struct bytes key = bytes_of(cached.bytes, sizeof cached.bytes);
  if (map_get(&to->cache, key))
    return true;
  struct tree_info *info = catalog_tree_info(to, relation->tree);
  struct error error;
  if (!info || catalog_compile(from, version, relation, &error) || !map_put(&to->cache, key, (void *)(uintptr_t)relation))
    return false;
  relation_pin(relation);
  info->oid = relation->oid;
  for (int i = 0; i < relation->referencing_count; i++) {
    const struct relation *child = catalog_find_oid(from, version, relation->referencing[i]);
    if (child && !catalog_share(from, version, child, to))
      return false;
  }
  return true;
}

const struct relation *catalog_next(struct catalog *catalog, const struct version *version, uint32_t *oid)
{
  if (*oid == UINT32_MAX)
    return NULL;
  uint8_t key[4];
  put_be32(key, *oid + 1);
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_RELATIONS, NULL);
  const struct relation *relation = NULL;
  struct error error;
  if (cursor_seek(&cursor, bytes_of(key, 4)) && cursor.key.size == 4) {
    *oid = get_be32(cursor.key.data);
    if (catalog_load(catalog, version, *oid, NULL, &relation, &error))
      relation = NULL;
  }
  cursor_deinit(&cursor);
  return relation;
}

// --- Names ----------------------------------------------------------------------------------------

// What a name stands for: the object, and the relation that holds it (for an index its table).
struct name_target {
  uint32_t oid, relation_oid;
};

static bool find_name(const struct version *version, uint32_t schema_oid, const char *name, struct read_mark *mark,
                      struct name_target *target)
{
  size_t size = strlen(name);
  if (size > LIMIT_IDENTIFIER)
    return false;
  uint8_t key[4 + LIMIT_IDENTIFIER];
  put_be32(key, schema_oid);
  memcpy(key + 4, name, size);
  struct bytes row;
  if (!tree_get(version, TREE_NAMES, bytes_of(key, 4 + size), &row, mark) || row.size != 8)
    return false;
  target->oid = get_be32(row.data);
  target->relation_oid = get_be32(row.data + 4);
  return true;
}

uint32_t catalog_name(struct catalog *catalog, const struct version *version, uint32_t schema_oid, const char *name)
{
  struct name_target target;
  return find_name(version, schema_oid, name, NULL, &target) ? target.oid : 0;
}

static int wrong_kind(enum relation_kind kind, const char *name, const char *kinds, struct error *error)
{
  if (!kinds) {
    int status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "cannot open relation \"%s\"", name);
    error_detail(error, "This operation is not supported for indexes.");
    return status;
  }
  enum relation_kind wanted = (uint8_t)kinds[0];
  const char *article = wanted == RELATION_INDEX ? "an" : "a";
  int status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not %s %s", name, article,
                         relation_kind_name(wanted));
  static const struct { enum relation_kind kind; const char *words; } droppable[] = {
    {RELATION_TABLE, "DROP TABLE to remove a table"},    {RELATION_INDEX, "DROP INDEX to remove an index"},
    {RELATION_VIEW, "DROP VIEW to remove a view"},       {RELATION_SEQUENCE, "DROP SEQUENCE to remove a sequence"},
    {RELATION_SOURCE, "DROP SOURCE to remove a source"}, {RELATION_WORKFLOW, "DROP WORKFLOW to remove a workflow"},
    {RELATION_SINK, "DROP SINK to remove a sink"},
  };
  if (kinds[1] == 0) // asked for one kind alone: a DROP or an ALTER
    for (size_t i = 0; i < sizeof droppable / sizeof *droppable; i++)
      if (droppable[i].kind == kind)
        error_hint(error, "Use %s.", droppable[i].words);
  return status;
}

static int missing(const char *schema, const char *name, bool missing_ok, struct error *error)
{
  if (missing_ok)
    return STATUS_OK;
  return error_set(error, SQLSTATE_UNDEFINED_TABLE, "relation \"%s%s%s\" does not exist", schema ? schema : "",
                   schema ? "." : "", name);
}

int catalog_find(struct catalog *catalog, const struct version *version, const struct name_scope *scope,
                 const char *schema, const char *name, const char *kinds, uint32_t right, bool missing_ok,
                 const struct relation **relation, struct error *error)
{
  *relation = NULL;
  struct name_target target = {0};
  bool found = false;
  if (schema) {
    uint32_t schema_oid = strcmp(schema, "pg_temp") == 0 ? scope->temporary : catalog_schema(catalog, version, schema);
    if (schema_is_temporary(schema_oid) && schema_oid != scope->temporary)
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot access temporary tables of other sessions");
    if (!schema_oid && !missing_ok)
      return error_set(error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    int status = schema_oid ? schema_require(catalog, version, scope->role, schema_oid, RIGHT_USAGE, scope->mark, error) : 0;
    if (status)
      return status;
    found = schema_oid && find_name(version, schema_oid, name, scope->mark, &target);
  } else {
    for (int i = 0; i < scope->search_path_count && !found; i++)
      found = find_name(version, scope->search_path[i], name, scope->mark, &target) &&
              (scope->role == ROLE_OWNER ||
               (schema_rights(version, scope->role, scope->search_path[i], scope->mark) & RIGHT_USAGE));
  }
  if (!found)
    return missing(schema, name, missing_ok, error);
  const struct relation *at;
  int status = catalog_load(catalog, version, target.relation_oid, scope->mark, &at, error);
  if (status)
    return status;
  if (!at)
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "the name \"%s\" stands for no definition", name);
  enum relation_kind kind = target.oid == at->oid ? at->kind : RELATION_INDEX;
  if ((kind == RELATION_TYPE) != (kinds && strchr(kinds, RELATION_TYPE)))
    return missing(schema, name, missing_ok, error);
  if (kinds ? !strchr(kinds, (int)kind) : kind == RELATION_INDEX)
    return wrong_kind(kind, name, kinds, error);
  if (right == RIGHT_OWN && at->owner != scope->role && !role_has(version, scope->role, at->owner, scope->mark))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be owner of %s %s", relation_kind_name(kind), name);
  if (right && right != RIGHT_OWN && (status = relation_require(version, scope->role, at, right, scope->mark, error)))
    return status;
  status = catalog_compile(catalog, version, at, error);
  if (!status)
    *relation = at;
  return status;
}

struct relation *catalog_copy(const struct relation *relation, struct arena *arena)
{
  struct relation *copy = ARENA_NEW(arena, struct relation);
  struct buffer row = {0};
  if (copy && (definition_encode(relation, &row, NULL) || definition_decode(buffer_bytes(&row), arena, copy, NULL)))
    copy = NULL;
  buffer_deinit(&row);
  return copy;
}
