"""Holds an MPIJob to what the operator (v2beta1) and this project's image ask of it.

The operator's own checks are repeated here by name: what its admission refuses must not stand in a template.
"""
import pathlib
import re
import sys

import yaml

path, container = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


documents = list(yaml.safe_load_all(path.read_text()))
check(len(documents) == 1, "one document")
job = documents[0]
check(job.get("apiVersion") == "kubeflow.org/v2beta1" and job.get("kind") == "MPIJob", "apiVersion and kind")
check(re.fullmatch(r"[a-z]([-a-z0-9]{0,40}[a-z0-9])?", job["metadata"]["name"]), "a name that pods can have")

spec = job["spec"]
known = {
    "slotsPerWorker", "runLauncherAsWorker", "runPolicy", "mpiReplicaSpecs", "sshAuthMountPath", "launcherCreationPolicy",
    "mpiImplementation",
}
check(set(spec) <= known, f"unknown fields {set(spec) - known}")
check(spec.get("mpiImplementation") == "OpenMPI", "mpiImplementation")
check(spec["runPolicy"].get("cleanPodPolicy") in ("None", "Running", "All"), "cleanPodPolicy")
check(spec["runPolicy"].get("backoffLimit", -1) >= 0, "backoffLimit")

replicas = spec["mpiReplicaSpecs"]
check(set(replicas) == {"Launcher", "Worker"}, "a launcher and workers")
check(replicas["Launcher"]["replicas"] == 1, "one launcher")
user = None
for name, replica in replicas.items():
    check(replica.get("restartPolicy") in ("Never", "OnFailure"), f"{name}: restartPolicy")
    pod = replica["template"]["spec"]
    security = pod.get("securityContext", {})
    check(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) > 0, f"{name}: runs as root")
    check("fsGroup" in security, f"{name}: no fsGroup: the claims could not be written")
    user = security.get("runAsUser")
    check("restartPolicy" not in pod, f"{name}: the pod's own restartPolicy is ignored")
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    check(len(pod["containers"]) == 1, f"{name}: one container")
    box = pod["containers"][0]
    mounts = {mount["mountPath"]: mount["name"] for mount in box["volumeMounts"]}
    check(set(mounts.values()) <= set(volumes), f"{name}: a mount without a volume")
    memory = volumes.get(mounts.get("/dev/shm"), {}).get("emptyDir", {})
    check(memory.get("medium") == "Memory", f"{name}: /dev/shm is not memory")
    check(any("persistentVolumeClaim" in volume for volume in volumes.values()), f"{name}: no claim")
    resources = box["resources"]
    check(resources["requests"] == resources["limits"], f"{name}: requests differ from limits")
    drop = box["securityContext"]["capabilities"]["drop"]
    check(drop == ["ALL"] and box["securityContext"]["allowPrivilegeEscalation"] is False, f"{name}: rights")

worker = replicas["Worker"]["template"]["spec"]["containers"][0]
check(int(worker["resources"]["limits"]["cpu"]) == spec["slotsPerWorker"], "slotsPerWorker is not a worker's cores")
script = replicas["Launcher"]["template"]["spec"]["containers"][0]["args"][0]
ranks = int(re.search(r"run -n (\d+)", script).group(1))
check(ranks == spec["slotsPerWorker"] * replicas["Worker"]["replicas"], "ranks are not slots times workers")
check("alta-launch check --hosts /etc/mpi/hostfile --wait" in script, "the launcher does not wait for its pods")
check("exec alta-launch run" in script and "--hosts /etc/mpi/hostfile" in script, "signals would not reach the launcher")

# The image has the user, the folder of keys and the server's file that the job names.
recipe = (container / "Dockerfile").read_text()
home = re.search(r"AuthorizedKeysFile (\S+)/authorized_keys", (container / "sshd_config").read_text()).group(1)
check(spec["sshAuthMountPath"] == home, "sshAuthMountPath is not where the image's ssh server looks")
check(f"--uid {user} " in recipe, "runAsUser is not the image's user")
check(worker["args"][-1] in recipe, "the image has no such file for the ssh server")
ports = [re.search(r"Port (\d+)", (container / file).read_text()).group(1) for file in ("sshd_config", "ssh_config")]
check(ports[0] == ports[1] and int(ports[0]) > 1024, "ssh and its server use different ports, or one that needs root")

for failure in failures:
    print(f"error: {path}: {failure}", file=sys.stderr)
sys.exit(1 if failures else 0)
