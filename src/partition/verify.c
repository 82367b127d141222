// All of the trunk, for `quern check`: its trees, then table after table.
#include "partition/state.h"

static int verify_table(struct partition *partition, const struct relation *relation, struct arena *arena, uint64_t *rows,
                        struct error *error)
{
  struct settings settings;
  struct run run;
  settings_init(&settings);
  run_init(&run, partition, &settings, store_trunk(partition->store), arena, partition->time.wall, partition->time.wall, 0, error);
  struct read_mark mark = {0};
  struct writer writer = {
    .version = store_trunk(partition->store),
    .catalog = partition->catalog,
    .arena = arena,
    .evaluation = &run.evaluation,
    .mark = &mark,
    .error = error,
  };
  return table_verify(&writer, relation, rows);
}

int partition_verify(struct partition *partition, void (*found)(void *context, const char *table, uint64_t rows, const struct error *fault),
                     void *context, struct error *error)
{
  if (!version_verify(store_trunk(partition->store), error))
    return error->status;
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(partition->catalog, store_trunk(partition->store), &oid))) {
    if (!relation->tree || relation->kind == RELATION_SEQUENCE)
      continue;
    struct arena arena;
    arena_init(&arena, &partition->account);
    struct error fault;
    error_clear(&fault);
    uint64_t rows = 0;
    int status = verify_table(partition, relation, &arena, &rows, &fault);
    arena_deinit(&arena);
    found(context, relation->name, rows, status ? &fault : NULL);
  }
  return 0;
}
