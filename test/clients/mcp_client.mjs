// Plays the MCP surface with the official TypeScript SDK.
//
// Reads from the environment where the road begins, whose bearer to show and
// which tools to call; prints one JSON line per step with what the program
// saw. It judges nothing: the Go test beside it does.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The packages stand in a cache directory, not beside this file.
const packages = createRequire(process.env.OUTRIDER_NODE_DIR + '/');
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);

const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = await load('@modelcontextprotocol/sdk/client/streamableHttp.js');

const calls = JSON.parse(process.env.OUTRIDER_CALLS); // [{step, tool, arguments}]

function show(step, fields) {
  console.log(JSON.stringify({ step, ...fields }));
}

function describe(error) {
  return { class: error.constructor.name, code: error.code, message: error.message, data: error.data };
}

async function listTools(client) {
  const names = [];
  let cursor;
  do {
    const page = await client.listTools({ cursor });
    names.push(...page.tools.map((tool) => tool.name));
    cursor = page.nextCursor;
  } while (cursor);
  return names.sort();
}

async function call(client, { step, tool, arguments: args }) {
  try {
    const result = await client.callTool({ name: tool, arguments: args });
    const text = result.content.map((part) => part.text ?? '').join('');
    show(step, { saw: { is_error: Boolean(result.isError), text } });
  } catch (error) {
    show(step, { error: describe(error) });
  }
}

const transport = new StreamableHTTPClientTransport(new URL(process.env.OUTRIDER_URL), {
  requestInit: { headers: { Authorization: `Bearer ${process.env.OUTRIDER_BEARER}` } },
});
const client = new Client({ name: 'outrider-test', version: '1.0.0' });
try {
  await client.connect(transport);
  show('initialize', { saw: { protocol: transport.protocolVersion } });
  show('list', { saw: { tools: await listTools(client) } });
  for (const c of calls) {
    await call(client, c);
  }
} catch (error) {
  show('failed', { error: describe(error) });
} finally {
  await client.close();
}
