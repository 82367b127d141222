// The connectors that come with the server, made known to an engine.
#include "connect/connectors.h"

int connectors_add(struct connectors *connectors, struct quern *engine)
{
  connector_file(&connectors->file, &connectors->folders);
  const struct quern_connector *all[] = {&connector_generator, &connector_proc, &connectors->file};
  int status = 0;
  for (size_t i = 0; !status && i < sizeof all / sizeof all[0]; i++)
    status = quern_connector_add(engine, all[i]);
  connector_file_sink(&connectors->file_sink, &connectors->folders);
  return status ? status : quern_sink_connector_add(engine, &connectors->file_sink);
}
