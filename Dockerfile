# The Node.js version is that of .nvmrc. Debian and not Alpine: Temporal's SDK needs glibc.
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY . .
RUN node start.mjs scripts/build-workflow-bundle.ts

FROM node:20.20.2-bookworm-slim
# For TLS to a Temporal service: the SDK reads the certificates of the system.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && install -d -o node -g node /data
WORKDIR /app
COPY --from=build /app /app
ENV HOST=0.0.0.0 CALPAIR_DATA_DIR=/data
USER node
EXPOSE 8080
CMD ["node", "start.mjs"]
