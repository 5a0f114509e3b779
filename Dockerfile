# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
RUN npm ci
COPY tsconfig.json tsconfig.build.json nest-cli.json ./
COPY src src
COPY client client
RUN npm run build && npm prune --omit=dev
# the client of a broker (docs/carriers.md): @nats-io/transport-node, or ioredis
ARG BROKER_CLIENT=""
RUN if [ -n "$BROKER_CLIENT" ]; then npm install --no-save --omit=dev "$BROKER_CLIENT"; fi

FROM node:24-bookworm-slim
ENV NODE_ENV=production LOG_FORMAT=json OPS_HOST=0.0.0.0
WORKDIR /app
# owned by root and read-only to the server: it has no business writing its own code
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY deploy/docker/health-check.js ./
USER node
EXPOSE 8866/tcp 9866/tcp 2222/udp
# node itself is PID 1: it gets SIGTERM and drains, for SHUTDOWN_GRACE_MS
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["node", "health-check.js"]
CMD ["node", "dist/main.js"]
