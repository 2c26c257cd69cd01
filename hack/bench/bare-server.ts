/** What everything is measured against: Fastify with one route that sends a text of the same size. */
import { fastify } from 'fastify';

const [port = '0', body = ''] = process.argv.slice(2);
const server = fastify();
server.get('/price', (_request, reply) => {
  reply.header('content-type', 'application/json; charset=utf-8').send(body);
});
await server.listen({ host: '127.0.0.1', port: Number(port) });
process.on('SIGTERM', () => process.exit(0));
