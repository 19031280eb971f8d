# The container image. IMAGE=name:tag BASE=debian-12-image

.PHONY: image image-demo image-check docker-steps
IMAGE ?= hubgate
export BASE

image: ## the container image; IMAGE=name:tag, BASE=image
	$(Q)docker/build.sh gateway $(IMAGE)

image-demo: ## the same with the simulator
	$(Q)docker/build.sh demo $(IMAGE)-demo

# Needs root, buildah and Debian's mirror; no engine, no registry.
image-check: ## proves the image, without docker and registry (root)
	$(Q)tests/tools/install.sh debootstrap buildah iproute2 util-linux
	$(Q)docker/image_check.sh build/image
docker-steps: ## runs the steps of docs/docker.md by the letter, on podman (root)
	$(Q)tests/tools/install.sh debootstrap buildah iproute2 util-linux podman podman-compose runc netavark iptables mosquitto-clients curl
	$(Q)docker/steps_check.sh build/docker-steps
